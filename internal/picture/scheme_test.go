package picture_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture"
)

// TestAddressWithoutAScheme_IsAskedForByHTTPAtLast has a shop that does not speak TLS, on a
// port that is closed or answers otherwise.
func TestAddressWithoutAScheme_IsAskedForByHTTPAtLast(t *testing.T) {
	shop := newSite(t)
	shop.has("/red.jpg", "image/jpeg", photo(t, 600, 600, red))
	shop.does("/moved.jpg", to("/red.jpg"))
	shop.has("/oak.html", "text/html", page("/red.jpg"))
	address := shop.Listener.Addr().String()
	for name, secure := range map[string]string{"closed": "127.0.0.1:1", "no TLS": address} {
		network := &routes{secure: secure, plain: address}
		source := newSource(t, func(c *picture.Config) { c.Route = network.route })
		for _, it := range []catalog.Item{
			{ImageURL: "www.shop.example/red.jpg"},
			{ImageURL: "//www.shop.example/moved.jpg"},
			{ProductURL: "www.shop.example/oak.html"},
		} {
			t.Run(name+" "+it.ImageURL+it.ProductURL, func(t *testing.T) {
				p, err := source.Picture(t.Context(), &it)
				if err != nil {
					t.Fatal(err)
				}
				shows(t, p, red)
			})
		}
		_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: "https://www.shop.example/red.jpg"})
		fails(t, err, fault.ImageUnreachable, fault.PictureUnreachable)
	}
}

// TestAddressWithoutAScheme_IsNotAskedForByHTTP has a shop that would answer by http.
func TestAddressWithoutAScheme_IsNotAskedForByHTTP(t *testing.T) {
	shop := newSite(t)
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(untrusted.Close)
	const closed = "127.0.0.1:1"
	local := []string{"127.0.0.0/8"}
	for name, c := range map[string]struct {
		address, secure string
		allow           []string
		reason          fault.Reason
		says            string
	}{
		"forbidden":   {"www.shop.example/a.jpg", closed, nil, fault.ImageForbidden, "is not allowed"},
		"no host":     {"www.shop.example/a.jpg", "no..host:443", nil, fault.ImageUnreachable, "there is no host"},
		"untrusted":   {"www.shop.example/a.jpg?key=k", untrusted.Listener.Addr().String(), local, fault.ImageUnreachable, "no trusted certificate"},
		"port":        {"www.shop.example:443/a.jpg", closed, local, fault.ImageUnreachable, "cannot be reached"},
		"shared file": {"www.dropbox.com/scl/fi/a/a.jpg?rlkey=k&dl=0", closed, local, fault.ImageUnreachable, "cannot be reached"},
	} {
		for _, it := range []catalog.Item{{ImageURL: c.address}, {ProductURL: c.address}} {
			t.Run(fmt.Sprint(name, " ", it.ImageURL == ""), func(t *testing.T) {
				network := &routes{secure: c.secure, plain: shop.Listener.Addr().String()}
				source := newSource(t, func(config *picture.Config) { config.Route, config.Allow = network.route, c.allow })
				_, err := source.Picture(t.Context(), &it)
				if f := fault.From(err); err == nil || f.Reason != c.reason || !strings.Contains(f.Message, c.says) {
					t.Errorf("got %v, want %v, %q", err, c.reason, c.says)
				}
				if asked, plainly := network.secured.Load(), network.plainly.Load(); asked == 0 || plainly != 0 {
					t.Errorf("it was connected to %d times by https and %d by http", asked, plainly)
				}
			})
		}
	}
}

func TestAddressWithoutAScheme_TriesHTTPSOncePerShop(t *testing.T) {
	shop := newSite(t)
	network := &routes{secure: "127.0.0.1:1", plain: shop.Listener.Addr().String()}
	source := newSource(t, func(c *picture.Config) { c.Route = network.route })
	get := func(it catalog.Item, tries int64) {
		t.Helper()
		if p, err := source.Picture(t.Context(), &it); err != nil {
			t.Error(err)
		} else {
			shows(t, p, red)
		}
		if n := network.secured.Load(); n != tries {
			t.Errorf("%+v: https was tried %d times, want %d", it, n, tries)
		}
	}
	shop.has("/oak.html", "text/html", page("/0.jpg"))
	_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: "www.shop.example/none.jpg"})
	fails(t, err, fault.ImageUnreachable, fault.PictureNotFound)
	for i := range 3 {
		path := fmt.Sprintf("/%d.jpg", i)
		shop.has(path, "image/jpeg", photo(t, 600, 600, red))
		get(catalog.Item{ImageURL: "www.shop.example" + path}, 1)
	}
	get(catalog.Item{ProductURL: "www.shop.example/oak.html"}, 1)
	get(catalog.Item{ImageURL: "shop.example.com/1.jpg"}, 2)
	_, err = source.Picture(t.Context(), &catalog.Item{ImageURL: "https://www.shop.example/2.jpg"})
	fails(t, err, fault.ImageUnreachable, fault.PictureUnreachable)
	if n := network.secured.Load(); n != 3 {
		t.Errorf("https was tried %d times, the last time because it was asked for", n)
	}
}

// routes is a network with two servers, one for port 443 and one for all others.
type routes struct {
	secure, plain    string
	secured, plainly atomic.Int64 // connections
}

func (r *routes) route(hostPort string) string {
	if strings.HasSuffix(hostPort, ":443") {
		r.secured.Add(1)
		return r.secure
	}
	r.plainly.Add(1)
	return r.plain
}
