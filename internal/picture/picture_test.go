package picture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture"
)

func TestPicture_Order(t *testing.T) {
	shop := newSite(t)
	shop.has("/green.jpg", "image/jpeg", photo(t, 300, 300, green))
	shop.has("/blue.jpg", "image/jpeg", photo(t, 300, 300, blue))
	shop.has("/oak.html", "text/html", page("/blue.jpg"))
	data, u := photo(t, 300, 300, red), shop.URL
	tests := []struct {
		name string
		item catalog.Item
		want color.RGBA
	}{
		{"data before addresses", catalog.Item{ImageData: data, ImageURL: u + "/green.jpg", ProductURL: u + "/oak.html"}, red},
		{"picture before page", catalog.Item{ImageURL: u + "/green.jpg", ProductURL: u + "/oak.html"}, green},
		{"page", catalog.Item{ProductURL: u + "/oak.html"}, blue},
		{"picture instead of a page", catalog.Item{ProductURL: u + "/green.jpg"}, green},
		{"page instead of a picture", catalog.Item{ImageURL: u + "/oak.html"}, blue},
		{"blank before an address", catalog.Item{ImageURL: " ", ProductURL: " " + u + "/oak.html "}, blue},
		{"page after a missing picture", catalog.Item{ImageURL: u + "/none.jpg", ProductURL: u + "/oak.html"}, blue},
		{"picture after broken data", catalog.Item{ImageData: data[:200], ImageURL: u + "/green.jpg"}, green},
	}
	source := newSource(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := source.Picture(t.Context(), &tt.item)
			if err != nil {
				t.Fatal(err)
			}
			shows(t, p, tt.want)
		})
	}
}

func TestPicture_Faults(t *testing.T) {
	shop := newSite(t)
	shop.has("/sold-out.jpg", "image/jpeg", []byte(`<!DOCTYPE html><p>Sold out<img src="/other.jpg" width=600 height=600>`))
	shop.has("/blank.html", "text/html", []byte(`<!DOCTYPE html><p>Oak chair`))
	shop.has("/broken.html", "text/html", page("/none.jpg"))
	shop.has("/inside.html", "text/html", page("http://10.0.0.1/a.jpg"))
	shop.has("/half.jpg", "image/jpeg", photo(t, 300, 300, red)[:500])
	shop.has("/text", "text/plain", []byte("no sofa"))
	shop.has("/huge.jpg", "image/jpeg", make([]byte, 2000))
	tests := []struct {
		name   string
		item   catalog.Item
		reason fault.Reason
		says   string
	}{
		{"nothing", catalog.Item{Name: "sofa"}, fault.NoImageFound, "image_data"},
		{"too large data", catalog.Item{ImageData: make([]byte, 30001)}, fault.ImageTooLarge, "30001 bytes"},
		{"text", catalog.Item{ImageURL: shop.URL + "/text"}, fault.ImageUnsupported, "text"},
		{"half a picture", catalog.Item{ImageURL: shop.URL + "/half.jpg"}, fault.ImageUnsupported, "cut off"},
		{"page as picture", catalog.Item{ImageURL: shop.URL + "/sold-out.jpg"}, fault.ImageUnsupported, "a web page instead"},
		{"page without picture", catalog.Item{ProductURL: shop.URL + "/blank.html"}, fault.NoImageFound, "shows no picture"},
		{"page whose picture is missing", catalog.Item{ProductURL: shop.URL + "/broken.html"}, fault.ImageUnreachable, "the picture on the page: 127.0.0.1 answered 404"},
		{"page whose picture is inside", catalog.Item{ProductURL: shop.URL + "/inside.html"}, fault.ImageForbidden, "private or reserved"},
		{"another scheme", catalog.Item{ImageURL: "ftp://shop.example/a.jpg"}, fault.ImageForbidden, `"ftp"`},
		{"a path", catalog.Item{ImageURL: "/images/a.jpg"}, fault.ImageForbidden, "http:// or https://"},
		{
			"both",
			catalog.Item{ImageURL: shop.URL + "/half.jpg", ProductURL: shop.URL + "/none"},
			fault.ImageUnsupported,
			"product_url: 127.0.0.1 answered 404",
		},
	}
	source := newSource(t, func(c *picture.Config) { c.MaxBytes = 30000 })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := source.Picture(t.Context(), &tt.item)
			if f := fault.From(err); err == nil || f.Reason != tt.reason || !strings.Contains(f.Message, tt.says) {
				t.Errorf("got %v, want %v with %q", err, tt.reason, tt.says)
			}
		})
	}
}

func TestRobots_CheckedForPages(t *testing.T) {
	shop := newSite(t)
	shop.has("/robots.txt", "text/plain", []byte("User-agent: Credenza\nDisallow: /"))
	shop.has("/oak.html", "text/html", page("/green.jpg"))
	shop.has("/oak.jpg", "text/html", page("/green.jpg"))
	shop.has("/green.jpg", "image/jpeg", photo(t, 300, 300, green))
	source := newSource(t, nil)
	for _, item := range []catalog.Item{
		{ProductURL: shop.URL + "/oak.html"}, {ProductURL: shop.URL + "/oak.jpg"}, {ImageURL: shop.URL + "/oak.jpg"},
	} {
		if _, err := source.Picture(t.Context(), &item); !fault.Is(err, fault.ImageForbidden) || !strings.Contains(err.Error(), "robots.txt") {
			t.Errorf("%+v: %v", item, err)
		}
	}
	if shop.count("/oak.html") != 0 {
		t.Error("the page was fetched all the same")
	}
	if _, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + "/green.jpg"}); err != nil {
		t.Error("robots.txt was asked for a picture:", err)
	}
	if shop.count("/robots.txt") != 1 {
		t.Errorf("robots.txt was fetched %d times", shop.count("/robots.txt"))
	}
}

// TestRobots_CheckedForRedirects has a shop redirect to a page that it forbids.
func TestRobots_CheckedForRedirects(t *testing.T) {
	shop := newSite(t)
	shop.has("/robots.txt", "text/plain", []byte("User-agent: *\nDisallow: /private"))
	for _, name := range []string{"oak.html", "oak.jpg"} {
		shop.does("/"+name, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/private/"+name, http.StatusFound)
		})
	}
	shop.has("/private/oak.html", "text/html", page("/private/oak.jpg"))
	shop.has("/private/oak.jpg", "image/jpeg", photo(t, 300, 300, green))
	source := newSource(t, nil)
	_, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + "/oak.html"})
	if !fault.Is(err, fault.ImageForbidden) || !strings.Contains(err.Error(), "robots.txt") || shop.count("/private/oak.html") != 0 {
		t.Errorf("the page was fetched %d times: %v", shop.count("/private/oak.html"), err)
	}
	if _, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + "/oak.jpg"}); err != nil {
		t.Error("robots.txt was asked for a picture:", err)
	}
}

func TestPicture_ThumbnailsAndIcons(t *testing.T) {
	shop := newSite(t)
	shop.has("/thumb.jpg", "image/jpeg", photo(t, 80, 80, red))
	shop.has("/large.jpg", "image/jpeg", photo(t, 500, 500, green))
	shop.has("/icon.jpg", "image/jpeg", photo(t, 20, 20, blue))
	shop.has("/better.html", "text/html", append(page("/thumb.jpg"), `<meta property="og:image" content="/large.jpg">`...))
	shop.has("/only.html", "text/html", append(page("/thumb.jpg"), `<img src="/large.jpg">`...))
	shop.has("/gone.html", "text/html", append(page("/none.jpg"), `<img src="/icon.jpg"><img src="/large.jpg">`...))
	shop.has("/icon.html", "text/html", []byte(`<!DOCTYPE html><img src="/icon.jpg">`))
	source := newSource(t, nil)
	for path, want := range map[string]color.RGBA{"/better.html": green, "/only.html": red, "/gone.html": green} {
		p, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + path})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		shows(t, p, want)
	}
	if _, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + "/icon.html"}); !fault.Is(err, fault.NoImageFound) {
		t.Error("an icon was taken for the product:", err)
	}
}

func TestPicture_SharesAFetch(t *testing.T) {
	shop := newSite(t)
	const callers = 20
	begun := make(chan struct{})
	shop.does("/a.jpg", func(w http.ResponseWriter, _ *http.Request) {
		<-begun
		_, _ = w.Write(photo(t, 300, 300, red))
	})
	source := newSource(t, nil)
	first, leave := context.WithCancel(t.Context())
	var wg, waiting sync.WaitGroup
	waiting.Add(1 + callers)
	wg.Go(func() {
		_, err := source.Picture(&waiter{Context: first, waits: waiting.Done}, &catalog.Item{ImageURL: shop.URL + "/a.jpg"})
		if !errors.Is(err, context.Canceled) {
			t.Error("the one who left got", err)
		}
	})
	for range callers {
		wg.Go(func() {
			ctx := &waiter{Context: t.Context(), waits: waiting.Done}
			if _, err := source.Picture(ctx, &catalog.Item{ImageURL: shop.URL + "/a.jpg#x"}); err != nil {
				t.Error(err)
			}
		})
	}
	waiting.Wait()
	leave()
	close(begun)
	wg.Wait()
	if n := shop.count("/a.jpg"); n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
}

// waiter is a context that reports when its caller waits for it: by then, the caller has
// joined the fetch in flight.
type waiter struct {
	context.Context //nolint:containedctx // it is a context itself
	waits           func()
	once            sync.Once
}

func (w *waiter) Done() <-chan struct{} {
	w.once.Do(w.waits)
	return w.Context.Done()
}

func TestPicture_RevalidatesAnAddress(t *testing.T) {
	shop := newSite(t)
	var bodies, version int
	etag := func(w http.ResponseWriter, r *http.Request, data []byte) {
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, version))
		if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		bodies++
		_, _ = w.Write(data)
	}
	pictures := [][]byte{photo(t, 1000, 1000, red), photo(t, 1000, 1000, green)}
	shop.does("/a.jpg", func(w http.ResponseWriter, r *http.Request) { etag(w, r, pictures[version]) })
	shop.does("/a.html", func(w http.ResponseWriter, r *http.Request) { etag(w, r, page("/a.jpg")) })
	source := newSource(t, nil)
	look := func(want color.RGBA, wantBodies int) {
		t.Helper()
		for range 3 {
			p, err := source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + "/a.html"})
			if err != nil {
				t.Fatal(err)
			}
			shows(t, p, want)
		}
		if bodies != wantBodies {
			t.Errorf("%d bodies were sent, want %d", bodies, wantBodies)
		}
	}
	look(red, 2)
	version = 1
	look(green, 4)
}

func TestPicture_PreparesContentOnce(t *testing.T) {
	shop := newSite(t)
	data := photo(t, 1000, 1000, red)
	shop.has("/a.jpg", "image/jpeg", data)
	shop.has("/b.jpg", "image/jpeg", data)
	source := newSource(t, nil)
	a, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + "/a.jpg"})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range []catalog.Item{{ImageURL: shop.URL + "/b.jpg"}, {ImageData: data}} {
		b, err := source.Picture(t.Context(), &item)
		if err != nil {
			t.Fatal(err)
		}
		if &a.Data[0] != &b.Data[0] {
			t.Error("the same content was prepared again")
		}
	}
	small := newSource(t, func(c *picture.Config) { c.CacheBytes = 1 })
	if p, err := small.Picture(t.Context(), &catalog.Item{ImageData: data}); err != nil || bytes.Equal(p.Data, data) {
		t.Error("a cache without room stands in the way:", err)
	}
}

func TestPicture_CallersDeadline(t *testing.T) {
	shop := newSite(t)
	shop.does("/never.jpg", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	source := newSource(t, nil)
	_, err := source.Picture(timeout(t, 50*time.Millisecond), &catalog.Item{ImageURL: shop.URL + "/never.jpg", ProductURL: shop.URL})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestNew_RejectsInvalidConfig(t *testing.T) {
	for name, change := range map[string]func(*picture.Config){
		"bytes": func(c *picture.Config) { c.MaxBytes = -1 },
		"cache": func(c *picture.Config) { c.CacheBytes = -1 }, "time": func(c *picture.Config) { c.Timeout = -1 },
		"network": func(c *picture.Config) { c.Allow = []string{"10.0.0.0/64"} },
	} {
		var c picture.Config
		change(&c)
		if _, err := picture.New(c); err == nil {
			t.Errorf("a wrong %s was taken", name)
		}
	}
}

func TestBlind(t *testing.T) {
	_, err := picture.Blind{}.Picture(t.Context(), &catalog.Item{})
	if !fault.Is(err, fault.ImageUnsupported) || !strings.Contains(err.Error(), "cannot see") {
		t.Error(err)
	}
}
