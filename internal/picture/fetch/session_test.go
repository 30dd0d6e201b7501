package fetch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
)

// fetchAll fetches a request and closes its resource.
func fetchAll(t testing.TB, c *fetch.Client, r fetch.Request) (*fetch.Resource, error) {
	t.Helper()
	got, err := c.Fetch(t.Context(), r)
	if err == nil {
		got.Close()
	}
	return got, err
}

// requiringCookie is a shop that redirects to the same address until its cookie comes
// back.
func requiringCookie(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie("seen"); err != nil {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1", Path: "/"})
		w.Header().Set("Location", r.RequestURI)
		w.WriteHeader(http.StatusFound)
		return
	}
	_, _ = fmt.Fprint(w, "a sofa")
}

func TestSession_CookieComesBackInARedirect(t *testing.T) {
	server := serve(t, requiringCookie)
	if _, err := get(t, newClient(t, usual()), server.URL+"/a"); err != nil {
		t.Error(err)
	}
}

func TestSession_CookiesStayInIt(t *testing.T) {
	var cookies []string
	shop := func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "n", Value: fmt.Sprint(len(cookies)), Path: "/"})
		_, _ = fmt.Fprint(w, "a sofa")
	}
	server := serve(t, shop)
	other := onLoopback(t, "127.0.0.77", shop)
	client := newClient(t, usual())
	mine := fetch.NewSession()
	for _, r := range []fetch.Request{
		{Address: parse(t, server.URL+"/page"), Session: mine},
		{Address: parse(t, server.URL+"/a.jpg"), Session: mine},
		{Address: parse(t, other.URL+"/a.jpg"), Session: mine},
		{Address: parse(t, server.URL+"/a.jpg"), Session: fetch.NewSession()},
		{Address: parse(t, server.URL+"/a.jpg")},
	} {
		if _, err := fetchAll(t, client, r); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(cookies, "|"); got != "|n=1|||" {
		t.Errorf("the cookies were %q", got)
	}
}

func TestSession_BoundsItsCookies(t *testing.T) {
	longest := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		longest = max(longest, len(r.Header.Get("Cookie")))
		for i := range 500 {
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("c", r.URL.Path[1:], i), Value: strings.Repeat("x", 300), Path: "/"})
		}
		_, _ = fmt.Fprint(w, "a sofa")
	})
	client, session := newClient(t, usual()), fetch.NewSession()
	for i := range 5 {
		if _, err := fetchAll(t, client, fetch.Request{Address: parse(t, fmt.Sprint(server.URL, "/", i)), Session: session}); err != nil {
			t.Fatal(err)
		}
	}
	if longest == 0 || longest > 17<<10 {
		t.Errorf("%d bytes of cookies were sent", longest)
	}
}

// TestSession_NewCookieEachTimeIsACircle has a shop that redirects to the same address
// with another cookie each time.
func TestSession_NewCookieEachTimeIsACircle(t *testing.T) {
	asked := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.SetCookie(w, &http.Cookie{Name: "n", Value: fmt.Sprint(asked), Path: "/"})
		http.Redirect(w, r, r.RequestURI, http.StatusFound)
	})
	_, err := get(t, newClient(t, usual()), server.URL+"/a")
	if f := fault.From(err); err == nil || !strings.Contains(f.Message, "in a circle") || f.Summary() != fault.PictureLoop || asked > 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestFetch_Referer(t *testing.T) {
	var referers []string
	shop := func(w http.ResponseWriter, r *http.Request) {
		referers = append(referers, r.Referer())
		if r.URL.Path == "/moved.jpg" {
			http.Redirect(w, r, "/a.jpg", http.StatusFound)
			return
		}
		_, _ = fmt.Fprint(w, "a sofa")
	}
	server := serve(t, shop)
	page := parse(t, strings.Replace(server.URL, "//", "//me:secret@", 1)+"/oak?x=1")
	secure := parse(t, strings.Replace(server.URL, "http:", "https:", 1)+"/oak")
	other := onLoopback(t, "127.0.0.77", shop)
	client := newClient(t, usual())
	tests := []struct {
		name          string
		page, address *url.URL
		want          string
	}{
		{"none", nil, parse(t, server.URL+"/a.jpg"), ""},
		{"the page on its own site", page, parse(t, server.URL+"/a.jpg"), server.URL + "/oak?x=1"},
		{"over redirects", page, parse(t, server.URL+"/moved.jpg"), server.URL + "/oak?x=1"},
		{"its site on another", page, parse(t, other.URL+"/a.jpg"), server.URL + "/"},
		{"none without encryption", secure, parse(t, server.URL+"/a.jpg"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			referers = nil
			if _, err := fetchAll(t, client, fetch.Request{Address: tt.address, Page: tt.page}); err != nil {
				t.Fatal(err)
			}
			for _, got := range referers {
				if got != tt.want {
					t.Errorf("the Referer was %q, want %q", got, tt.want)
				}
			}
		})
	}
}

func TestFetch_RefusedPictureIsAskedForAsItsOwnPageWould(t *testing.T) {
	asked := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/never.jpg" || r.Referer() != "http://"+r.Host+"/" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprint(w, "a sofa")
	})
	client := newClient(t, usual())
	if _, err := get(t, client, server.URL+"/a.jpg"); err != nil || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	asked = 0
	if _, err := get(t, client, server.URL+"/never.jpg"); fault.From(err).Summary() != fault.PictureBlocked || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// TestFetch_Forward has responses that send on by their content.
func TestFetch_Forward(t *testing.T) {
	asked := 0
	var server *httptest.Server
	server = serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch r.URL.Path {
		case "/one":
			_, _ = fmt.Fprint(w, "/two")
		case "/circle":
			_, _ = fmt.Fprint(w, "/circle2")
		case "/circle2":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/inside":
			_, _ = fmt.Fprint(w, "http://10.0.0.1/")
		case "/itself":
			_, _ = fmt.Fprint(w, server.URL+"/itself")
		case "/two":
			_, _ = fmt.Fprint(w, "a sofa")
		default:
			n := 0
			_, _ = fmt.Sscanf(r.URL.Path, "/hop/%d", &n)
			_, _ = fmt.Fprintf(w, "/hop/%d", n+1)
		}
	})
	client := newClient(t, usual())
	forward := func(got *fetch.Resource) string {
		if body := string(got.Body); strings.HasPrefix(body, "/") || strings.HasPrefix(body, "http") {
			return body
		}
		return ""
	}
	for path, want := range map[string]struct{ summary, end string }{
		"/one": {"", "/two"}, "/itself": {"", "/itself"}, "/circle": {fault.PictureLoop, ""},
		"/hop/0": {fault.PictureLoop, ""}, "/inside": {fault.PictureForbidden, ""},
	} {
		t.Run(path, func(t *testing.T) {
			asked = 0
			got, err := fetchAll(t, client, fetch.Request{Address: parse(t, server.URL+path), Forward: forward})
			switch {
			case want.summary != "" && (err == nil || fault.From(err).Summary() != want.summary || asked > 21):
				t.Errorf("after %d requests: %v, want %s", asked, err, want.summary)
			case want.end != "" && (err != nil || got.Address.Path != want.end):
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// TestFetch_ForwardReleasesItsSlots sends on more often than there are slots for bodies.
func TestFetch_ForwardReleasesItsSlots(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.URL.Path) })
	config := usual()
	config.Bodies = 1
	client := newClient(t, config)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			forward := func(got *fetch.Resource) string {
				if len(got.Body) < 10 {
					return string(got.Body) + "x"
				}
				return ""
			}
			if _, err := fetchAll(t, client, fetch.Request{Address: parse(t, fmt.Sprint(server.URL, "/", i)), Forward: forward}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestGet_PictureThatOnlySaysItIsCompressed(t *testing.T) {
	const jpeg = "\xff\xd8\xff a sofa"
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "image/jpeg")
		if r.URL.Path == "/packed" {
			_, _ = w.Write(gzipped([]byte(jpeg)))
			return
		}
		_, _ = fmt.Fprint(w, jpeg)
	})
	client := newClient(t, usual())
	for _, path := range []string{"/plain", "/packed"} {
		if got, err := get(t, client, server.URL+path); err != nil || string(got.Body) != jpeg {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
}

func TestGet_Summaries(t *testing.T) {
	server := serve(t, shop)
	client := newClient(t, usual())
	for path, want := range map[string]string{
		"/403": fault.PictureBlocked, "/404": fault.PictureNotFound, "/500": fault.PictureUnreachable, "/circle": fault.PictureLoop,
		"/hop/0": fault.PictureLoop, "/nowhere": fault.PictureNoAddress, "/endless": fault.PictureTooLarge,
		"/notgzip": fault.PictureDamaged, "/brotli": "unsupported format (br)", "/empty": "not a picture (nothing)",
	} {
		if _, err := get(t, client, server.URL+path); err == nil || fault.From(err).Summary() != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	config := usual()
	config.Allow = nil
	if _, err := get(t, newClient(t, config), "http://10.0.0.1/"); fault.From(err).Summary() != fault.PictureForbidden {
		t.Error(err)
	}
}
