package web_test

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPage(t *testing.T) {
	index, script := "<!doctype html><title>x</title>"+strings.Repeat(" ", 100), strings.Repeat("let a = 1\n", 100)
	r := start(t, setup{page: fstest.MapFS{
		"index.html":                {Data: []byte(index)},
		"assets/app-B8f3kQ2x.js.gz": {Data: []byte(packed(t, script))},
		"logo.svg":                  {Data: []byte("<svg/>")},
	}})
	for path, want := range map[string]struct{ body, media, cache string }{
		"/ui/":                       {index, "text/html; charset=utf-8", "no-cache"},
		"/ui":                        {index, "text/html; charset=utf-8", "no-cache"},
		"/ui/index.html":             {index, "text/html; charset=utf-8", "no-cache"},
		"/ui/logo.svg":               {"<svg/>", "image/svg+xml", "no-cache"},
		"/ui/assets/app-B8f3kQ2x.js": {script, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		t.Run(path, func(t *testing.T) {
			got := r.ask(t, "GET", path, "", "Accept-Encoding: identity")
			h := got.header
			if got.status != 200 || got.body != want.body || h.Get("Content-Type") != want.media || h.Get("Cache-Control") != want.cache {
				t.Errorf("%d %q %v", got.status, got.body, h)
			}
			const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
				"font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
			if h.Get("Content-Security-Policy") != policy || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("headers: %v", h)
			}
			if again := r.ask(t, "GET", path, "", "Accept-Encoding: identity", "If-None-Match: "+h.Get("ETag")); again.status != 304 || again.body != "" {
				t.Errorf("with its tag: %d", again.status)
			}
			if head := r.ask(t, "HEAD", path, ""); head.status != 200 || head.body != "" {
				t.Errorf("HEAD: %+v", head)
			}
		})
	}
	t.Run("is compressed", func(t *testing.T) {
		plain := r.ask(t, "GET", "/ui/assets/app-B8f3kQ2x.js", "", "Accept-Encoding: gzip;q=0")
		got := r.ask(t, "GET", "/ui/assets/app-B8f3kQ2x.js", "", "Accept-Encoding: br, gzip")
		in, err := gzip.NewReader(strings.NewReader(got.body))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(in); err != nil || string(text) != script || got.header.Get("Content-Encoding") != "gzip" ||
			plain.body != script || plain.header.Get("ETag") == got.header.Get("ETag") {
			t.Errorf("%q %v %v", text, err, got.header)
		}
	})
	for path, want := range map[string]int{"/ui/none.js": 404, "/ui/assets": 404, "/ui/a/b/c": 404, "/ui/..%2fgo.mod": 404, "/ui/assets/app-B8f3kQ2x.js.gz": 404} {
		if got := r.ask(t, "GET", path, ""); got.status != want {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := r.ask(t, "POST", "/ui/", ""); got.status != 405 {
		t.Errorf("POST: %d", got.status)
	}
	if got := start(t, setup{page: fstest.MapFS{}}).ask(t, "GET", "/ui/", ""); got.status != 404 {
		t.Errorf("without a page: %d", got.status)
	}
}
