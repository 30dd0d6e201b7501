package picture_test

import (
	"bytes"
	"fmt"
	"image/color"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture"
)

// bad is an item that cannot have a picture, and why.
type bad struct {
	item   catalog.Item
	reason fault.Reason
	says   string
}

// badShops are hosts that misbehave, each in its way.
func badShops(t *testing.T) []bad {
	shop := newSite(t)
	shop.does("/endless.jpg", func(w http.ResponseWriter, _ *http.Request) {
		for block := bytes.Repeat([]byte("\xff\xd8\xff"), 20<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	shop.does("/circle.jpg", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle.jpg", http.StatusFound) })
	shop.does("/inside.jpg", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	shop.has("/page.jpg", "image/jpeg", []byte("<!DOCTYPE html><title>Not found</title><p>Not here"))
	shop.does("/500.jpg", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	at := func(path string) catalog.Item { return catalog.Item{ImageURL: shop.URL + path} }
	return []bad{
		{catalog.Item{ImageURL: silent(t) + "/never.jpg"}, fault.ImageUnreachable, "within"},
		{at("/endless.jpg"), fault.ImageTooLarge, "more than"},
		{at("/circle.jpg"), fault.ImageUnreachable, "in a circle"},
		{at("/inside.jpg"), fault.ImageForbidden, "private or reserved"},
		{at("/page.jpg"), fault.ImageUnsupported, "web page"},
		{at("/404.jpg"), fault.ImageUnreachable, "404"},
		{at("/500.jpg"), fault.ImageUnreachable, "500"},
	}
}

// silent is a host that accepts connections and never answers.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// TestPicture_GoodItemsAmongBadShops has sixty photographs and pages among items of
// shops with all kinds of errors.
func TestPicture_GoodItemsAmongBadShops(t *testing.T) {
	shop := newSite(t)
	source := newSource(t, func(c *picture.Config) {
		c.Timeout = 2 * time.Second // for the silent host, while a busy machine has to read MaxBytes of the endless picture
		c.MaxBytes = 1 << 20
	})
	var wg sync.WaitGroup
	for _, b := range badShops(t) {
		for range 3 {
			wg.Go(func() {
				_, err := source.Picture(t.Context(), &b.item)
				if f := fault.From(err); err == nil || f.Reason != b.reason || !strings.Contains(f.Message, b.says) {
					t.Errorf("%s: %v, want %v with %q", b.item.ImageURL, err, b.reason, b.says)
				}
			})
		}
	}
	for i := range 60 {
		colour := color.RGBA{uint8(4 * i), uint8(255 - 4*i), 100, 255}
		path := fmt.Sprintf("/%d", i)
		shop.has(path+".jpg", "image/jpeg", photo(t, 400+i, 300, colour))
		shop.has(path+".html", "text/html; charset=utf-8", page(path+".jpg"))
		item := catalog.Item{ImageURL: shop.URL + path + ".jpg"}
		if i%2 == 1 {
			item = catalog.Item{ProductURL: shop.URL + path + ".html"}
		}
		wg.Go(func() {
			p, err := source.Picture(t.Context(), &item)
			if err != nil {
				t.Errorf("%+v: %v", item, err)
				return
			}
			shows(t, p, colour)
		})
	}
	wg.Wait()
}

func BenchmarkPicture(b *testing.B) {
	shop := newSite(b)
	data := photo(b, 500, 500, red)
	shop.has("/a.jpg", "image/jpeg", data)
	source := newSource(b, nil)
	for name, item := range map[string]*catalog.Item{"sent": {ImageData: data}, "fetched": {ImageURL: shop.URL + "/a.jpg"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := source.Picture(b.Context(), item); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
