package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
)

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

// shop behaves as its path says.
func shop(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; path {
	case "/ok":
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = fmt.Fprint(w, "a sofa")
	case "/gzip":
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(gzipped([]byte("a sofa")))
	case "/large":
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
	case "/moved":
		http.Redirect(w, r, "ok", http.StatusMovedPermanently)
	case "/403", "/404", "/500", "/418":
		code := 0
		_, _ = fmt.Sscan(path[1:], &code)
		w.WriteHeader(code)
	case "/circle":
		http.Redirect(w, r, "/circle2", http.StatusFound)
	case "/circle2":
		http.Redirect(w, r, "/circle", http.StatusFound)
	case "/nowhere":
		w.Header().Set("Location", "http://%zz/")
		w.WriteHeader(http.StatusFound)
	case "/declared":
		w.Header().Set("Content-Length", "99999999")
		_, _ = fmt.Fprint(w, "x")
	case "/endless":
		for block := bytes.Repeat([]byte("x"), 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	case "/bomb":
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(gzipped(make([]byte, 4<<20)))
	case "/notgzip":
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = fmt.Fprint(w, "a sofa, plainly")
	case "/damaged":
		data := gzipped(bytes.Repeat([]byte("a sofa"), 100))
		data[len(data)-6] ^= 1
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(data)
	case "/brotli":
		w.Header().Set("Content-Encoding", "br")
		_, _ = fmt.Fprint(w, "a sofa")
	case "/truncated":
		w.Header().Set("Content-Length", "100")
		_, _ = fmt.Fprint(w, "a sofa")
	case "/zstd":
		w.Header().Set("Content-Encoding", "gzip, zstd")
		_, _ = fmt.Fprint(w, "a sofa")
	case "/twice":
		w.Header().Set("Content-Encoding", "gzip, gzip")
		_, _ = w.Write(gzipped(gzipped([]byte("a sofa"))))
	case "/no-coding":
		w.Header().Set("Content-Encoding", "UTF-8, none")
		_, _ = fmt.Fprint(w, "a sofa")
	case "/gzip-identity":
		w.Header()["Content-Encoding"] = []string{"GZIP, identity", "binary"}
		_, _ = w.Write(gzipped([]byte("a sofa")))
	case "/endless-nothing":
		w.Header().Set("Content-Encoding", "gzip")
		for block := bytes.Repeat(gzipped(nil), 1000); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	case "/empty":
	case "/empty.gz":
		w.Header().Set("Content-Encoding", "gzip")
	case "/packed-nothing":
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(gzipped(nil))
	case "/304":
		w.WriteHeader(http.StatusNotModified)
	case "/304-on":
		w.Header().Set("Location", "/ok")
		w.WriteHeader(http.StatusNotModified)
	case "/slow":
		for {
			if _, err := fmt.Fprint(w, "x"); err != nil || r.Context().Err() != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	case "/silent":
		<-r.Context().Done()
	case "/headers":
		for i := range 20000 {
			w.Header().Add("X-Endless", fmt.Sprint(strings.Repeat("x", 30), i))
		}
	default:
		n := 0
		_, _ = fmt.Sscanf(path, "/hop/%d", &n)
		http.Redirect(w, r, fmt.Sprintf("/hop/%d", n+1), http.StatusFound)
	}
}

func TestGet_Responses(t *testing.T) {
	server := serve(t, shop)
	client := newClient(t, usual())
	for path, want := range map[string]string{"/ok": "a sofa", "/gzip": "a sofa", "/no-coding": "a sofa", "/gzip-identity": "a sofa", "/moved": "a sofa", "/large": strings.Repeat("x", 1<<20)} {
		t.Run(path, func(t *testing.T) {
			got, err := get(t, client, server.URL+path)
			if err != nil || string(got.Body) != want {
				t.Fatalf("got %+v, %v", got, err)
			}
			if path == "/moved" && got.Address.Path != "/ok" {
				t.Errorf("it was found at %v", got.Address)
			}
		})
	}
}

func TestGet_Failures(t *testing.T) {
	server := serve(t, shop)
	client := newClient(t, usual())
	hasty := usual()
	hasty.Timeout = 200 * time.Millisecond
	impatient := newClient(t, hasty)
	tests := []struct {
		path   string
		client *fetch.Client
		reason fault.Reason
		says   string
	}{
		{"/403", client, fault.ImageUnreachable, "refuses"},
		{"/404", client, fault.ImageUnreachable, "404 Not Found"},
		{"/418", client, fault.ImageUnreachable, "418"},
		{"/500", client, fault.ImageUnreachable, "500 Internal Server Error; the shop has an error: try again later"},
		{"/circle", client, fault.ImageUnreachable, "in a circle"},
		{"/hop/0", client, fault.ImageUnreachable, "more than 20 times"},
		{"/nowhere", client, fault.ImageForbidden, "no host"},
		{"/declared", client, fault.ImageTooLarge, "more than the 1.05 MB"},
		{"/endless", client, fault.ImageTooLarge, "more than the 1.05 MB"},
		{"/bomb", client, fault.ImageTooLarge, "more than the 1.05 MB"},
		{"/notgzip", client, fault.ImageUnsupported, "is corrupt"},
		{"/damaged", client, fault.ImageUnsupported, "is corrupt"},
		{"/brotli", client, fault.ImageUnsupported, `"br"`},
		{"/zstd", client, fault.ImageUnsupported, `"gzip, zstd"`},
		{"/twice", client, fault.ImageUnsupported, `"gzip, gzip"`},
		{"/endless-nothing", client, fault.ImageTooLarge, "more than the 1.05 MB"},
		{"/truncated", client, fault.ImageUnreachable, "broke off"},
		{"/empty", client, fault.ImageUnsupported, "empty"},
		{"/empty.gz", client, fault.ImageUnsupported, "empty"},
		{"/packed-nothing", client, fault.ImageUnsupported, "empty"},
		{"/304", client, fault.ImageUnreachable, "304 Not Modified"},
		{"/304-on", client, fault.ImageUnreachable, "304 Not Modified"},
		{"/headers", client, fault.ImageUnreachable, "cannot be reached"},
		{"/slow", impatient, fault.ImageUnreachable, "within 200ms"},
		{"/silent", impatient, fault.ImageUnreachable, "within 200ms"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			_, err := get(t, tt.client, server.URL+tt.path)
			if f := fault.From(err); err == nil || f.Reason != tt.reason || !strings.Contains(f.Message, tt.says) {
				t.Errorf("got %v, want %v with %q", err, tt.reason, tt.says)
			}
		})
	}
	t.Run("no listener", func(t *testing.T) {
		closed := serve(t, shop)
		closed.Close()
		if _, err := get(t, client, closed.URL); !fault.Is(err, fault.ImageUnreachable) {
			t.Error(err)
		}
	})
}

func TestGet_LimitsRedirects(t *testing.T) {
	for _, hops := range []int{20, 21} {
		asked := 0
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked <= hops {
				http.Redirect(w, r, fmt.Sprintf("/%d", asked), http.StatusFound)
				return
			}
			_, _ = fmt.Fprint(w, "a sofa")
		})
		if _, err := get(t, newClient(t, usual()), server.URL); (err == nil) != (hops == 20) || asked != 21 {
			t.Errorf("of %d redirects: %d requests, %v", hops, asked, err)
		}
	}
}

func TestGet_RequestHeaders(t *testing.T) {
	var seen http.Header
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		_, _ = fmt.Fprint(w, "a sofa")
	})
	client := newClient(t, usual())
	for range 2 {
		if _, err := get(t, client, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	if got := seen.Get("User-Agent"); got != "Credenza/1.2.3 (+https://github.com/credenza-dev/credenza)" {
		t.Errorf("the user agent is %q", got)
	}
	if strings.Contains(seen.Get("Accept"), "avif") || !strings.Contains(seen.Get("Accept"), "image/jpeg") {
		t.Errorf("accepted is %q", seen.Get("Accept"))
	}
	if seen.Get("Cookie") != "" || seen.Get("Referer") != "" {
		t.Error("more was told than needed")
	}
}

func TestGet_Validators(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
			return
		}
		w.Header().Set("ETag", `"7"`)
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader("a sofa"))
	})
	client := newClient(t, usual())
	first, err := get(t, client, server.URL+"/old")
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.Fetch(t.Context(), fetch.Request{Address: parse(t, server.URL+"/old"), Known: first.Validators})
	if err != nil || !again.NotModified || again.Body != nil {
		t.Fatalf("got %+v, %v", again, err)
	}
	again.Close()
}

// TestGet_NotModifiedForAnotherAddress has a redirect lead to another address than
// when the validators were given.
func TestGet_NotModifiedForAnotherAddress(t *testing.T) {
	moved := false
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/old" && moved:
			http.Redirect(w, r, "/newer", http.StatusFound)
		case r.URL.Path == "/old":
			http.Redirect(w, r, "/new", http.StatusFound)
		case r.URL.Path == "/new":
			w.Header().Set("ETag", `"7"`)
			_, _ = fmt.Fprint(w, "a sofa")
		case r.Header.Get("If-None-Match") != "":
			t.Errorf("%s was asked with the validators of another address", r.URL.Path)
		default:
			w.WriteHeader(http.StatusNotModified)
		}
	})
	client := newClient(t, usual())
	first, err := get(t, client, server.URL+"/old")
	if err != nil {
		t.Fatal(err)
	}
	moved = true
	got, err := client.Fetch(t.Context(), fetch.Request{Address: parse(t, server.URL+"/old"), Known: first.Validators})
	if !fault.Is(err, fault.ImageUnreachable) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHosts_SameHostInOtherSpellings(t *testing.T) {
	var asked atomic.Int64
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	})
	config := usual()
	config.Resolver = names(t, map[string][][4]byte{"shop.example.": {{127, 0, 0, 1}}})
	client := newClient(t, config)
	port := portOf(t, server.Listener.Addr())
	for _, host := range []string{"shop.example", "shop.example.", "Shop.Example", "shop。example。"} {
		if err := client.CheckRobots(t.Context(), parse(t, fmt.Sprintf("http://%s:%d/oak.html", host, port))); err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the robots.txt of one host was asked for %d times", asked.Load())
	}
}

func TestHosts_FourConnectionsEach(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	full := sync.OnceFunc(func() { close(release) })
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 4 {
			full()
		}
		<-release
		_, _ = fmt.Fprint(w, "a sofa")
	})
	client := newClient(t, usual())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r, err := client.Fetch(t.Context(), fetch.Request{Address: parse(t, server.URL)})
			if err != nil {
				t.Error(err)
				return
			}
			r.Close()
		})
	}
	wg.Wait()
	if most.Load() != 4 {
		t.Errorf("there were %d at once", most.Load())
	}
}

func TestGet_EndsWithItsCaller(t *testing.T) {
	server := serve(t, shop)
	client := newClient(t, usual())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Fetch(ctx, fetch.Request{Address: parse(t, server.URL+"/silent")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestNew_RejectsInvalidConfig(t *testing.T) {
	for name, change := range map[string]func(*fetch.Config){
		"time": func(c *fetch.Config) { c.Timeout = 0 }, "bytes": func(c *fetch.Config) { c.MaxBytes = 0 },
		"rate":    func(c *fetch.Config) { c.HostRate = -1 },
		"fetches": func(c *fetch.Config) { c.Bodies = 0 }, "network": func(c *fetch.Config) { c.Allow = []string{"10.0.0.0/99"} },
		"host":                  func(c *fetch.Config) { c.Allow = []string{"shop example"} },
		"IPv4 in IPv6 and more": func(c *fetch.Config) { c.Allow = []string{"::ffff:0:0/90"} },
	} {
		c := usual()
		change(&c)
		if _, err := fetch.New(c); err == nil {
			t.Errorf("a wrong %s was taken", name)
		}
	}
}
