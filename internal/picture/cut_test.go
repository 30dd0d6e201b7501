package picture_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// TestPicture_CutOff has pictures that shops do not send whole: browsers show the rows
// that came.
func TestPicture_CutOff(t *testing.T) {
	shop := newSite(t)
	whole := photo(t, 600, 600, red)
	breaksOff := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
			w.Header().Set("Content-Type", "image/jpeg")
			w.Header().Set("ETag", `"1"`)
			_, _ = w.Write(whole[:n])
		}
	}
	shop.does("/breaks-off.jpg", breaksOff(len(whole)/2))
	shop.has("/shorter.jpg", "image/jpeg", whole[:len(whole)*3/4])
	shop.has("/oak.html", "text/html", page("/breaks-off.jpg"))
	shop.does("/breaks-off-early.jpg", breaksOff(len(whole)/8))
	shop.does("/page-breaks-off", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10000")
		_, _ = w.Write(page("/shorter.jpg"))
	})
	source := newSource(t, nil)
	for range 2 { // the second time, nothing is known of the first
		for _, item := range []catalog.Item{
			{ImageURL: shop.URL + "/breaks-off.jpg"}, {ImageURL: shop.URL + "/shorter.jpg"}, {ProductURL: shop.URL + "/oak.html"},
		} {
			p, err := source.Picture(t.Context(), &item)
			if err != nil {
				t.Fatalf("%s%s: %v", item.ImageURL, item.ProductURL, err)
			}
			shows(t, p, red)
		}
	}
	_, err := source.Picture(t.Context(), &catalog.Item{ImageURL: shop.URL + "/breaks-off-early.jpg"})
	fails(t, err, fault.ImageUnreachable, fault.PictureUnreachable)
	_, err = source.Picture(t.Context(), &catalog.Item{ProductURL: shop.URL + "/page-breaks-off"})
	fails(t, err, fault.ImageUnreachable, fault.PictureUnreachable)
	_, err = source.Picture(t.Context(), &catalog.Item{ImageData: whole[:len(whole)*3/4]})
	fails(t, err, fault.ImageUnsupported, fault.PictureDamaged) // its sender has all of it
}
