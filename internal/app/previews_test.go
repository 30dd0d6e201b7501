package app_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// shot is a JPEG of some size with something to see.
func shot(t testing.TB, width, height int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y * 2), uint8(x ^ y), 255}) //nolint:gosec // it may wrap around
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGetReviewPicture_AsksTheShopOnceAndMakesItSmall(t *testing.T) {
	var good, bad atomic.Int64
	photo := shot(t, 1200, 600)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chair.jpg":
			good.Add(1)
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = w.Write(photo)
		case "/none.jpg":
			bad.Add(1)
			http.NotFound(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	defer shop.Close()
	s := serveFiles(t, t.TempDir(), allowed)
	defer s.close(t)
	var rows strings.Builder
	rows.WriteString("name,image_url\n")
	for i := range 250 { // of several chunks
		fmt.Fprintf(&rows, "Oak chair %d,%s/chair.jpg\n", i, shop.URL)
	}
	fmt.Fprintf(&rows, "Pine bed,%s/none.jpg\nLamp,\nSofa,data:image/jpeg;base64,%s\n", shop.URL, base64.StdEncoding.EncodeToString(shot(t, 300, 200)))
	job := s.submit(t, s.upload(t, "shop.csv", rows.String())).GetJobId()
	get := func(index int64, size int32) (*credenzav1.GetReviewPictureResponse, error) {
		return s.GetReviewPicture(t.Context(), &credenzav1.GetReviewPictureRequest{JobId: job, Index: index, Size: size})
	}
	var views sync.WaitGroup
	for i := range int64(250) {
		views.Go(func() {
			if res, err := get(i, 0); err != nil || res.GetContentType() != "image/jpeg" {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	views.Wait()
	for size, want := range map[int32]image.Point{0: {96, 48}, 300: {384, 192}, 1024: {768, 384}} {
		res, err := get(7, size)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := jpeg.DecodeConfig(bytes.NewReader(res.GetData()))
		if err != nil || shown.Width != want.X || shown.Height != want.Y {
			t.Errorf("size %d: %d x %d (%v)", size, shown.Width, shown.Height, err)
		}
	}
	if n := good.Load(); n != 1 {
		t.Errorf("the shop was asked %d times", n)
	}
	for range 3 {
		if _, err := get(250, 0); status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "IMAGE_UNREACHABLE") && !strings.Contains(err.Error(), "NO_IMAGE_FOUND") {
			t.Errorf("a picture that is missing: %v", err)
		}
	}
	if n := bad.Load(); n != 1 {
		t.Errorf("the shop was asked %d times for what it does not have", n)
	}
	if res, err := get(252, 0); err != nil || len(res.GetData()) == 0 {
		t.Errorf("image_data: %v", err)
	}
	for _, index := range []int64{251, 253, 1 << 40} {
		if _, err := get(index, 0); status.Code(err) != codes.NotFound {
			t.Errorf("%d: %v", index, err)
		}
	}
}

func TestGetReviewPicture_TheGuardHolds(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a private address was asked") }))
	defer shop.Close()
	s := serveFiles(t, t.TempDir())
	defer s.close(t)
	job := s.submit(t, s.upload(t, "shop.csv", "name,image_url\nOak chair,"+shop.URL+"/chair.jpg\n")).GetJobId()
	_, err := s.GetReviewPicture(t.Context(), &credenzav1.GetReviewPictureRequest{JobId: job})
	if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "IMAGE_FORBIDDEN") {
		t.Errorf("%v", err)
	}
}
