package app_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// The tests here go over real connections: shops are on loopback, which the
// service has to be allowed.

const allowed = "--image-allow=127.0.0.0/8"

// studio is the service with a simulated model whose questions are kept.
type studio struct {
	*credenza.Client
	mu    sync.Mutex
	asked []string
}

func openStudio(t *testing.T, flags ...string) *studio {
	t.Helper()
	sim := testkit.NewSim(t, llmsim.Config{Seed: 1})
	s := &studio{}
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked = append(s.asked, string(body))
		s.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(model.Close)
	flags = append([]string{"--openai-base-url=" + model.URL + "/v1"}, flags...)
	client, done, err := app.InProcess(t.Context(), settings(t, append(flags, "--data-dir=")...), &buffer{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	s.Client = client
	return s
}

// pictures returns the pictures that the model was sent, and its detail levels.
func (s *studio) pictures(t *testing.T) (sent []image.Config, types, details []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range s.asked {
		for _, m := range dataURL.FindAllStringSubmatch(body, -1) {
			data, err := base64.StdEncoding.DecodeString(m[2])
			if err != nil {
				t.Fatal(err)
			}
			c, _, err := image.DecodeConfig(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			sent, types, details = append(sent, c), append(types, m[1]), append(details, m[3])
		}
	}
	return sent, types, details
}

var dataURL = regexp.MustCompile(`"data:([a-z/]+);base64,([^"]+)","detail":"([a-z]+)"`)

func photograph(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i % w)
	}
	img.SetGray(0, 0, color.Gray{uint8(w)})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// openShop serves a picture, a page that shows it, and what goes wrong.
func openShop(t *testing.T) *httptest.Server {
	t.Helper()
	large := photograph(t, 1600, 1200)
	mux := http.NewServeMux()
	mux.HandleFunc("/large.jpg", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) })
	mux.HandleFunc("/product", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!DOCTYPE html><title>Oak chair</title><meta property="og:image" content="/large.jpg">`)
	})
	mux.HandleFunc("/bare", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!DOCTYPE html><title>Sold out</title><p>Come again`)
	})
	mux.HandleFunc("/text.jpg", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no picture") })
	mux.HandleFunc("/loop.jpg", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop.jpg", http.StatusFound) })
	mux.HandleFunc("/inside.jpg", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	mux.HandleFunc("/page.jpg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>Not here</title>")
	})
	mux.HandleFunc("/500.jpg", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("/endless.jpg", func(w http.ResponseWriter, _ *http.Request) {
		for block := bytes.Repeat([]byte("\xff\xd8\xff"), 20<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	shop := httptest.NewServer(mux)
	t.Cleanup(shop.Close)
	return shop
}

func TestPicturesFromEverywhere(t *testing.T) {
	shop := openShop(t)
	items := map[string]credenza.Item{
		"address": {ProductName: "Oak chair", ImageURL: shop.URL + "/large.jpg"},
		"page":    {ProductName: "Oak chair", ProductURL: shop.URL + "/product"},
		"inline":  {ImageData: photograph(t, 1600, 1200)},
	}
	for name, item := range items {
		for level, want := range map[string]int{"auto": 768, "low": 512, "high": 768} {
			t.Run(name+", detail "+level, func(t *testing.T) {
				s := openStudio(t, allowed, "--image-detail="+level)
				r, err := s.Classify(t.Context(), item, credenza.Options{})
				if err != nil || r.Err != nil || r.ImageErr != nil || r.Classification.Evidence != "PICTURE" {
					t.Fatalf("%v, %+v", err, r)
				}
				sent, types, details := s.pictures(t)
				if len(sent) != 1 || sent[0].Width != want || sent[0].Height != want*3/4 || types[0] != "image/jpeg" || details[0] != level {
					t.Errorf("the model was sent %v of %v at %v, want one JPEG %d wide at %s", types, sent, details, want, level)
				}
			})
		}
	}
}

func TestImageFitIsSettable(t *testing.T) {
	s := openStudio(t, "--image-detail=low", "--image-fit=300")
	if _, err := s.Classify(t.Context(), credenza.Item{ImageData: photograph(t, 600, 600)}, credenza.Options{}); err != nil {
		t.Fatal(err)
	}
	if sent, _, _ := s.pictures(t); len(sent) != 1 || sent[0].Width != 300 {
		t.Errorf("the model was sent %v, want 300 pixels", sent)
	}
}

// mishaps are items that cannot have a picture, with the reason and a part of the
// text.
func mishaps(t *testing.T, shop string) map[string]struct {
	item         credenza.Item
	reason, says string
} {
	at := func(path string) credenza.Item {
		return credenza.Item{ProductName: "Oak chair", ImageURL: shop + path}
	}
	return map[string]struct {
		item         credenza.Item
		reason, says string
	}{
		"silent":        {credenza.Item{ProductName: "Oak chair", ImageURL: silentShop(t) + "/1.jpg"}, "IMAGE_UNREACHABLE", "within 1s"},
		"endless":       {at("/endless.jpg"), "IMAGE_TOO_LARGE", "smaller"},
		"loop":          {at("/loop.jpg"), "IMAGE_UNREACHABLE", "circle"},
		"sent inside":   {at("/inside.jpg"), "IMAGE_FORBIDDEN", "CREDENZA_IMAGE_ALLOW"},
		"page as JPEG":  {at("/page.jpg"), "IMAGE_UNSUPPORTED", "web page"},
		"no picture":    {at("/text.jpg"), "IMAGE_UNSUPPORTED", "text"},
		"404":           {at("/nothing.jpg"), "IMAGE_UNREACHABLE", "404"},
		"500":           {at("/500.jpg"), "IMAGE_UNREACHABLE", "500"},
		"private":       {credenza.Item{ProductName: "Oak chair", ImageURL: "http://10.1.2.3/1.jpg"}, "IMAGE_FORBIDDEN", "CREDENZA_IMAGE_ALLOW"},
		"number":        {credenza.Item{ProductName: "Oak chair", ImageURL: "http://0xa9fea9fe/1.jpg"}, "IMAGE_FORBIDDEN", "169.254.169.254 is in a private"},
		"scheme":        {credenza.Item{ProductName: "Oak chair", ImageURL: "file:///etc/passwd"}, "IMAGE_FORBIDDEN", "http"},
		"bare page":     {credenza.Item{ProductName: "Oak chair", ProductURL: shop + "/bare"}, "NO_IMAGE_FOUND", "image_url"},
		"nothing there": {credenza.Item{ProductName: "Oak chair"}, "NO_IMAGE_FOUND", "image_url"},
	}
}

// silentShop accepts connections and never answers.
func silentShop(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

func TestImageFallbackBothWays(t *testing.T) {
	shop := openShop(t)
	s := openStudio(t, allowed, "--image-timeout=1s", "--image-max-bytes=500000")
	for name, tt := range mishaps(t, shop.URL) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			says := func(e *credenza.ItemError) bool {
				return e != nil && string(e.Reason) == tt.reason && strings.Contains(e.Message, tt.says)
			}
			r, err := s.Classify(t.Context(), tt.item, credenza.Options{Mode: credenza.Image})
			if err != nil || r.Err != nil || r.Classification.Evidence != "TEXT" || !says(r.ImageErr) {
				t.Errorf("from text: %v, %+v, want the picture's %s with %q", err, r, tt.reason, tt.says)
			}
			r, err = s.Classify(t.Context(), tt.item, credenza.Options{Mode: credenza.Image, FailWithoutPicture: true})
			if err != nil || !says(r.Err) {
				t.Errorf("without fallback: %v, %+v, want %s with %q", err, r, tt.reason, tt.says)
			}
			tt.item.ProductName = ""
			r, err = s.Classify(t.Context(), tt.item, credenza.Options{Mode: credenza.Image})
			if nothing := tt.item.ImageURL == "" && tt.item.ProductURL == ""; err != nil || !nothing && !says(r.Err) || nothing && r.Err == nil {
				t.Errorf("without text: %v, %+v, want %s with %q", err, r, tt.reason, tt.says)
			}
		})
	}
}

// TestGoodItems_AreAnsweredDespiteBadShops has sixty photographs and pages among
// shops that do all that shops do, in one stream.
func TestGoodItems_AreAnsweredDespiteBadShops(t *testing.T) {
	shop := openShop(t)
	s := openStudio(t, allowed, "--image-timeout=1s")
	var items []credenza.Item
	want := map[string]string{}
	for name, tt := range mishaps(t, shop.URL) {
		tt.item.ID, tt.item.ProductName = name, ""
		if tt.item.ImageURL+tt.item.ProductURL == "" {
			continue
		}
		items, want[name] = append(items, tt.item), tt.reason
	}
	photos := http.NewServeMux()
	gallery := httptest.NewServer(photos)
	t.Cleanup(gallery.Close)
	for i := range 60 {
		data := photograph(t, 300+i, 300)
		photos.HandleFunc(fmt.Sprintf("/%d.jpg", i), func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
		photos.HandleFunc(fmt.Sprintf("/%d", i), func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `<!DOCTYPE html><meta property="og:image" content="/%d.jpg">`, i)
		})
		item := credenza.Item{ID: fmt.Sprint(i), ImageURL: fmt.Sprintf("%s/%d.jpg", gallery.URL, i)}
		if i%2 == 1 {
			item = credenza.Item{ID: fmt.Sprint(i), ProductURL: fmt.Sprintf("%s/%d", gallery.URL, i)}
		}
		items, want[item.ID] = append(items, item), ""
	}
	for r, err := range s.ClassifyStream(t.Context(), items, credenza.Options{}).Results() {
		if err != nil {
			t.Fatal(err)
		}
		reason := ""
		if r.Err != nil {
			reason = string(r.Err.Reason)
		}
		if wanted, once := want[r.ItemID]; !once || reason != wanted || reason == "" && r.Classification.Evidence != "PICTURE" {
			t.Errorf("%s: %+v, want %q", r.ItemID, r, want[r.ItemID])
		}
		delete(want, r.ItemID)
	}
	if len(want) > 0 {
		t.Errorf("no result for %v", want)
	}
	if sent, _, _ := s.pictures(t); len(sent) != 60 {
		t.Errorf("the model was sent %d pictures, want 60", len(sent))
	}
}

func TestLoopbackIsForbiddenUnlessAllowed(t *testing.T) {
	shop := openShop(t)
	s := openStudio(t, "--image-allow=shop.example,10.0.0.0/8")
	r, err := s.Classify(t.Context(), credenza.Item{ImageURL: shop.URL + "/large.jpg"}, credenza.Options{})
	if err != nil || r.Err == nil || r.Err.Reason != "IMAGE_FORBIDDEN" {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestOfflineHasNoEyes(t *testing.T) {
	asked := make(chan struct{}, 10)
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	t.Cleanup(shop.Close)
	client, done, err := app.InProcess(t.Context(), settings(t, allowed, "--data-dir="), &buffer{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	item := credenza.Item{ProductName: "Oak chair", ImageURL: shop.URL + "/1.jpg"}
	began := time.Now()
	r, err := client.Classify(t.Context(), item, credenza.Options{})
	if err != nil || r.Err != nil || r.Classification.Category != "CHAIR" || r.Classification.Evidence != "TEXT" ||
		r.ImageErr == nil || r.ImageErr.Reason != "IMAGE_UNSUPPORTED" || !strings.Contains(r.ImageErr.Message, "offline") {
		t.Errorf("from text: %v, %+v after %v", err, r, time.Since(began))
	}
	r, err = client.Classify(t.Context(), item, credenza.Options{FailWithoutPicture: true})
	if err != nil || r.Err == nil || r.Err.Reason != "IMAGE_UNSUPPORTED" {
		t.Errorf("without fallback: %v, %+v", err, r)
	}
	if len(asked) != 0 {
		t.Errorf("the shop was asked %d times", len(asked))
	}
}
