package picture_test

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture"
)

// fails checks that an item's picture cannot be used, by the summary of the reason.
func fails(t *testing.T, err error, reason fault.Reason, summary string) {
	t.Helper()
	if f := fault.From(err); err == nil || f.Reason != reason || f.Summary() != summary || len(f.Message) < 20 {
		t.Errorf("got %v (%v), want %v, %q", err, f.Summary(), reason, summary)
	}
}

func to(target string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusMovedPermanently) }
}

// html is a page with a picture that is another product's.
func html(head, body string) []byte {
	return fmt.Appendf(nil, `<!DOCTYPE html><html><head><meta property="og:image" content="/blue.jpg">%s</head><body>%s</body></html>`, head, body)
}

// TestPage_IsNotTheProducts has the ways in which shops answer for a product that is
// gone, or ask for something first.
func TestPage_IsNotTheProducts(t *testing.T) {
	shop := newSite(t)
	shop.has("/blue.jpg", "image/jpeg", photo(t, 600, 600, blue))
	website := `<title>Shop - furniture for all</title><meta property="og:type" content="website">`
	for path, data := range map[string][]byte{
		"/":               html(website, "<h1>Welcome</h1>"),
		"/en/":            html(`<title>Shop</title>`, "<h1>Welcome</h1>"),
		"/start":          html(website, "<h1>Welcome</h1>"),
		"/chairs/":        html(`<title>Chairs</title>`, "<h1>Chairs</h1>"),
		"/category/oak":   html(`<title>Oak</title>`, "<h1>Everything of oak</h1>"),
		"/all-we-have":    html(`<script type="application/ld+json">{"@type": "CollectionPage"}</script>`, "<h1>All</h1>"),
		"/error/404":      html(`<title>Shop</title>`, "<h1>Where did it go?</h1>"),
		"/account/login":  html(`<title>Shop</title>`, "<h1>Welcome back</h1>"),
		"/soft404":        html(`<title>Page not found</title>`, "<h1>Sorry, this product is no longer available</h1>"),
		"/weg":            html(`<title>Shop</title>`, "<h1>Artikel nicht mehr verfügbar</h1>"),
		"/consent":        html(`<title>Before you continue</title>`, `<form>Accept cookies</form>`),
		"/challenge":      html(`<title>Just a moment...</title>`, ""),
		"/script":         []byte(`<!DOCTYPE html><title>Oak chair</title><div id="__next"></div><script>{}</script>`),
		"/empty":          []byte(`<!DOCTYPE html><title>Oak chair</title><h1>Oak chair</h1>`),
		"/refresh/oak":    []byte(`<meta http-equiv="refresh" content="0; url=/">`),
		"/wants/oak.html": html(`<title>Cookie settings</title>`, ""),
	} {
		shop.has(path, "text/html", data)
	}
	for path, target := range map[string]string{
		"/gone/oak-chair": "/", "/gone/oak-chair/2": "/en/", "/gone/oak-chair/3": "/start", "/chairs/oak-chair": "/chairs/",
		"/gone/nils": "/category/oak", "/gone/nils/2": "/all-we-have", "/gone/nils/3": "/error/404", "/gone/nils/4": "/account/login",
	} {
		shop.does(path, to(target))
	}
	tests := []struct {
		path    string
		reason  fault.Reason
		summary string
	}{
		{"/gone/oak-chair", fault.NoImageFound, fault.PictureRedirected},
		{"/gone/oak-chair/2", fault.NoImageFound, fault.PictureRedirected},
		{"/gone/oak-chair/3", fault.NoImageFound, fault.PictureRedirected},
		{"/chairs/oak-chair", fault.NoImageFound, fault.PictureRedirected},
		{"/gone/nils", fault.NoImageFound, fault.PictureRedirected},
		{"/gone/nils/2", fault.NoImageFound, fault.PictureRedirected},
		{"/refresh/oak", fault.NoImageFound, fault.PictureRedirected},
		{"/gone/nils/3", fault.NoImageFound, fault.PictureNotFound},
		{"/gone/nils/4", fault.ImageUnreachable, fault.PictureBlocked},
		{"/soft404", fault.NoImageFound, fault.PictureNotFound},
		{"/weg", fault.NoImageFound, fault.PictureNotFound},
		{"/consent", fault.ImageUnreachable, fault.PictureBlocked},
		{"/challenge", fault.ImageUnreachable, fault.PictureBlocked},
		{"/wants/oak.html", fault.ImageUnreachable, fault.PictureBlocked},
		{"/script", fault.NoImageFound, fault.PictureNotOnPage},
		{"/empty", fault.NoImageFound, fault.PictureNotOnPage},
	}
	source := newSource(t, nil)
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			_, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + tt.path})
			fails(t, err, tt.reason, tt.summary)
		})
	}
	if shop.count("/blue.jpg") != 0 {
		t.Error("the other picture was fetched")
	}
}

// TestPage_MovedButStillTheProducts has redirects that shops make for pages that exist.
func TestPage_MovedButStillTheProducts(t *testing.T) {
	shop := newSite(t)
	shop.has("/red.jpg", "image/jpeg", photo(t, 600, 600, red))
	red := func(head, heading string) []byte {
		return fmt.Appendf(nil, `<!DOCTYPE html><meta property="og:image" content="/red.jpg">%s<h1>%s</h1>`, head, heading)
	}
	website := `<meta property="og:type" content="website">`
	product := `<script type="application/ld+json">{"@type": "Product", "name": "Nils", "image": "/red.jpg"}</script>`
	shop.has("/en-gb/oak-chair.html", "text/html", red(website, "Nils"))
	shop.has("/furniture/oak-chair-nils", "text/html", red(website, "Nils"))
	shop.has("/p/77", "text/html", red(website, "Oak chair"))
	shop.has("/p/78", "text/html", red(website+product, "Nils"))
	shop.has("/p/79", "text/html", red("", "Nils"))
	shop.has("/chair-1234567", "text/html", red(website, "Nils"))
	shop.has("/alone/oak-chair", "text/html", red(website, "Nils"))
	shop.has("/lamps/arc-lamp", "text/html", red(website, "Arc lamp"))
	source := newSource(t, nil)
	for path, target := range map[string]string{
		"/s/7x": "/lamps/arc-lamp", "/oak-chair": "/en-gb/oak-chair.html", "/oak-chair/": "/furniture/oak-chair-nils", "/old/oak-chair": "/p/77",
		"/older/oak-chair": "/p/78", "/oldest/oak-chair": "/p/79", "/dp/1234567": "/chair-1234567", "/alone/oak-chair": "",
	} {
		if target != "" {
			shop.does(path, to(target))
		}
		p, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + path})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		shows(t, p, color.RGBA{220, 20, 20, 255})
	}
}

func TestPage_IsRejectedAgainWhenItDidNotChange(t *testing.T) {
	shop := newSite(t)
	shop.does("/oak", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(html(`<title>Page not found</title>`, ""))
	})
	source := newSource(t, nil)
	for range 2 {
		_, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + "/oak"})
		fails(t, err, fault.NoImageFound, fault.PictureNotFound)
	}
}

func TestPicture_ShowsNothing(t *testing.T) {
	shop := newSite(t)
	white, clear := color.RGBA{255, 255, 255, 255}, color.RGBA{}
	var transparent, pixel bytes.Buffer
	if err := png.Encode(&transparent, flat(600, 600, clear)); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&pixel, flat(1, 1, red)); err != nil {
		t.Fatal(err)
	}
	shop.has("/white.jpg", "image/jpeg", photo(t, 600, 600, white))
	shop.has("/large.jpg", "image/jpeg", photo(t, 2000, 1500, white))
	shop.has("/transparent.png", "image/png", transparent.Bytes())
	shop.has("/pixel.gif", "image/gif", pixel.Bytes())
	shop.has("/strip.jpg", "image/jpeg", photo(t, 900, 31, red))
	shop.has("/least.jpg", "image/jpeg", photo(t, 900, 32, red))
	shop.has("/page", "text/html", page("/white.jpg"))
	shop.has("/two", "text/html", append(page("/white.jpg"), `<meta property="og:image" content="/least.jpg">`...))
	source := newSource(t, nil)
	for path, want := range map[string]string{
		"/white.jpg": fault.PictureBlank, "/large.jpg": fault.PictureBlank, "/transparent.png": fault.PictureBlank,
		"/pixel.gif": fault.PictureTooSmall, "/strip.jpg": fault.PictureTooSmall, "/page": fault.PictureBlank,
	} {
		_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + path})
		fails(t, err, fault.ImageUnsupported, want)
	}
	for _, path := range []string{"/least.jpg", "/two"} {
		p, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + path})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		shows(t, p, red)
	}
	_, err := source.Picture(t.Context(), &catalog.Item{ImageData: pixel.Bytes()})
	fails(t, err, fault.ImageUnsupported, fault.PictureTooSmall)
	_, err = source.Picture(t.Context(), &catalog.Item{ImageData: transparent.Bytes()})
	fails(t, err, fault.ImageUnsupported, fault.PictureBlank)
}

// TestPicture_OfAPageThatServesItsOwnOnly has a shop that protects its pictures by the
// Referer, and one that does by a cookie of the page.
func TestPicture_OfAPageThatServesItsOwnOnly(t *testing.T) {
	shop := newSite(t)
	data := photo(t, 600, 600, red)
	shop.has("/oak", "text/html", page("/red.jpg"))
	shop.does("/red.jpg", func(w http.ResponseWriter, r *http.Request) {
		if r.Referer() != shop.URL+"/oak" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write(data)
	})
	shop.does("/nils", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1", Path: "/"})
		_, _ = w.Write(page("/nils.jpg"))
	})
	shop.does("/nils.jpg", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("seen"); err != nil || c.Value != "1" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write(data)
	})
	source := newSource(t, nil)
	for _, path := range []string{"/oak", "/nils"} {
		p, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + path})
		if err != nil {
			t.Fatal(err)
		}
		shows(t, p, red)
	}
	_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + "/nils.jpg"})
	fails(t, err, fault.ImageUnreachable, fault.PictureBlocked)
}

// TestPicture_CookiesOfOneItemAreNotAnothers has a shop that numbers its visitors.
func TestPicture_CookiesOfOneItemAreNotAnothers(t *testing.T) {
	shop := newSite(t)
	var mu sync.Mutex
	visitors, of := 0, map[string][]string{} // the cookies by path
	visit := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			kind := r.URL.Path[:2]
			of[kind] = append(of[kind], r.Header.Get("Cookie"))
			if r.Header.Get("Cookie") == "" {
				visitors++
				http.SetCookie(w, &http.Cookie{Name: "visitor", Value: fmt.Sprint(visitors), Path: "/"})
			}
			_, _ = w.Write(body)
		}
	}
	shop.does("/i.jpg", visit(photo(t, 600, 600, red)))
	source := newSource(t, nil)
	const items = 12
	var wg sync.WaitGroup
	for i := range items {
		shop.does(fmt.Sprint("/p", i), visit(page("/i.jpg")))
		wg.Go(func() {
			if _, err := source.Picture(t.Context(), &catalog.Item{ProductURL: fmt.Sprint(shop.URL, "/p", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := strings.Join(of["/p"], ""); got != "" {
		t.Errorf("pages were asked for with the cookies %q", got)
	}
	seen := map[string]bool{}
	for _, cookie := range of["/i"] {
		if cookie == "" || seen[cookie] {
			t.Errorf("the picture was asked for with the cookie %q, of %q", cookie, of["/i"])
		}
		seen[cookie] = true
	}
}

// TestPicture_InsteadOfAFile has pages at the addresses of pictures.
func TestPicture_InsteadOfAFile(t *testing.T) {
	shop := newSite(t)
	shop.has("/blue.jpg", "image/jpeg", photo(t, 600, 600, blue))
	shop.has("/i/oak.jpg", "image/jpeg", photo(t, 600, 600, red))
	shop.has("/none.png", "image/png", photo(t, 600, 600, blue))
	shop.has("/no-image-600.png", "image/png", photo(t, 600, 600, blue))
	shop.has("/gone.jpg", "text/html", html(`<title>Shop</title>`, "gone"))
	shop.has("/viewer/oak.jpg", "text/html", []byte(`<!DOCTYPE html><title>Viewer</title><meta property="og:image" content="/i/oak.jpg">`))
	shop.has("/product.jpg", "text/html", page("/i/oak.jpg"))
	shop.has("/oak", "text/html", []byte(`<!DOCTYPE html><h1>Oak chair</h1><img data-src="/i/oak.jpg" alt="Oak chair">`))
	shop.has("/missing.jpg", "text/html", html(`<title>Page not found</title>`, ""))
	shop.does("/moved.jpg", to("/no-image-600.png"))
	source := newSource(t, nil)
	for _, path := range []string{"/viewer/oak.jpg", "/product.jpg", "/oak"} {
		p, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + path})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		shows(t, p, red)
	}
	for path, want := range map[string]struct {
		reason  fault.Reason
		summary string
	}{
		"/gone.jpg":    {fault.ImageUnsupported, "not a picture (a web page)"},
		"/missing.jpg": {fault.ImageUnsupported, fault.PictureNotFound},
		"/moved.jpg":   {fault.NoImageFound, fault.PictureNotFound},
		"/none.jpg":    {fault.ImageUnreachable, fault.PictureNotFound},
	} {
		_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + path})
		fails(t, err, want.reason, want.summary)
	}
}

func TestPicture_MetaRefresh(t *testing.T) {
	shop := newSite(t)
	shop.has("/red.jpg", "image/jpeg", photo(t, 600, 600, red))
	shop.has("/new/oak", "text/html", page("/red.jpg"))
	shop.has("/old/oak", "text/html", []byte(`<html><head><meta http-equiv="refresh" content="0; url=/new/oak"></head>`))
	shop.has("/circle", "text/html", []byte(`<meta http-equiv="refresh" content="0; url=/circle2">`))
	shop.does("/circle2", to("/circle"))
	shop.has("/inside", "text/html", []byte(`<meta http-equiv="refresh" content="0; url=http://169.254.169.254/latest">`))
	shop.has("/file", "text/html", []byte(`<meta http-equiv="refresh" content="0; url=file:///etc/passwd">`))
	shop.has("/private/oak", "text/html", page("/red.jpg"))
	shop.has("/hidden/oak", "text/html", []byte(`<meta http-equiv="refresh" content="0; url=/private/oak">`))
	shop.has("/robots.txt", "text/plain", []byte("User-agent: *\nDisallow: /private"))
	source := newSource(t, nil)
	p, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + "/old/oak"})
	if err != nil {
		t.Fatal(err)
	}
	shows(t, p, red)
	for path, want := range map[string]struct {
		reason  fault.Reason
		summary string
	}{
		"/circle": {fault.ImageUnreachable, fault.PictureLoop}, "/inside": {fault.ImageForbidden, fault.PictureForbidden},
		"/file": {fault.ImageForbidden, fault.PictureForbidden}, "/hidden/oak": {fault.ImageForbidden, fault.PictureRobots},
	} {
		_, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + path})
		fails(t, err, want.reason, want.summary)
	}
	if shop.count("/private/oak") != 0 {
		t.Error("a page that robots.txt forbids was fetched")
	}
}

// TestPicture_AddressesAsGiven has addresses as they are in tables.
func TestPicture_AddressesAsGiven(t *testing.T) {
	shop := newSite(t)
	shop.has("/red.jpg", "image/jpeg", photo(t, 600, 600, red))
	host := strings.TrimPrefix(shop.URL, "http://")
	source := newSource(t, nil)
	for _, raw := range []string{host + "/red.jpg", "//" + host + "/red.jpg", `"` + shop.URL + `/red.jpg"`, `http:\/\/` + host + `\/red.jpg`} {
		for _, item := range []catalog.Item{{ImageURL: raw}, {ProductURL: raw}} {
			p, err := source.Picture(t.Context(), &item)
			if err != nil {
				t.Fatalf("%+v: %v", item, err)
			}
			shows(t, p, red)
		}
	}
}

func TestPicture_Summaries(t *testing.T) {
	shop := newSite(t)
	shop.has("/text.jpg", "image/jpeg", []byte("no sofa"))
	shop.has("/avif.jpg", "image/jpeg", []byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf"))
	shop.has("/half.jpg", "image/jpeg", photo(t, 300, 300, red)[:500])
	shop.has("/huge.jpg", "image/jpeg", make([]byte, 40000))
	shop.does("/403.jpg", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	source := newSource(t, func(c *picture.Config) { c.MaxBytes = 30000 })
	for raw, want := range map[string]string{
		shop.URL + "/none.jpg": fault.PictureNotFound, shop.URL + "/text.jpg": "not a picture (text)",
		shop.URL + "/avif.jpg": "unsupported format (AVIF)", shop.URL + "/half.jpg": fault.PictureDamaged,
		shop.URL + "/huge.jpg": fault.PictureTooLarge, shop.URL + "/403.jpg": fault.PictureBlocked,
		"http://10.0.0.1/a.jpg": fault.PictureForbidden, "images/a.jpg": fault.PictureNoAddress, "": fault.PictureNone,
	} {
		_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: raw})
		if f := fault.From(err); err == nil || f.Summary() != want {
			t.Errorf("%q: %v, want %q", raw, err, want)
		}
	}
	_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + "/text.jpg", ProductURL: shop.URL + "/none"})
	fails(t, err, fault.ImageUnsupported, "not a picture (text)")
}
