package picture_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/picture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newSource returns a source that may ask loopback.
func newSource(t testing.TB, change func(*picture.Config)) *picture.Source {
	t.Helper()
	c := picture.Config{Allow: []string{"127.0.0.0/8"}}
	if change != nil {
		change(&c)
	}
	s, err := picture.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// photo is a JPEG of one colour, so that it can be told from others.
func photo(t testing.TB, w, h int, c color.Color) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, flat(w, h, c), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func flat(w, h int, c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(img.Pix); i += 4 {
		r, g, b, a := c.RGBA()
		copy(img.Pix[i:], []byte{byte(r >> 8), byte(g >> 8), byte(b >> 8), byte(a >> 8)})
	}
	return img
}

// site is a shop on loopback that counts what it is asked for.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	asked   map[string]int
	handler map[string]http.HandlerFunc
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{asked: map[string]int{}, handler: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		h, ok := s.handler[r.URL.Path]
		s.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// has has the site answer with data.
func (s *site) has(path, contentType string, data []byte) {
	s.does(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(data)
	})
}

func (s *site) does(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler[path] = h
}

func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

func page(image string) []byte {
	return fmt.Appendf(nil, `<!DOCTYPE html><title>Oak chair</title><script type="application/ld+json">{"@type": "Product", "image": %q}</script>`, image)
}

func timeout(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func shows(t *testing.T, p *catalog.Picture, want color.RGBA) {
	t.Helper()
	if p == nil {
		t.Fatal("there is no picture")
	}
	img, _, err := image.Decode(bytes.NewReader(p.Data))
	if err != nil || !strings.HasPrefix(p.MediaType, "image/") {
		t.Fatal(err, p.MediaType)
	}
	got := color.RGBAModel.Convert(img.At(img.Bounds().Dx()/2, img.Bounds().Dy()/2)).(color.RGBA)
	diff := func(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }
	if diff(got.R, want.R) > 6 || diff(got.G, want.G) > 6 || diff(got.B, want.B) > 6 {
		t.Errorf("it shows %v, want %v", got, want)
	}
}

var (
	red   = color.RGBA{220, 20, 20, 255}
	green = color.RGBA{20, 200, 20, 255}
	blue  = color.RGBA{20, 20, 220, 255}
)
