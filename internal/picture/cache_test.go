package picture

import (
	"fmt"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
	"github.com/credenza-dev/credenza/internal/picture/raster"
)

// TestCache_KeepsItsBound fills both caches to several times their bounds, which
// must hold at all times: the weight is the memory that entries take.
func TestCache_KeepsItsBound(t *testing.T) {
	const limit = 1 << 20
	s, err := New(Config{CacheBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 200 {
		p := &raster.Prepared{Picture: catalog.Picture{Data: make([]byte, 30<<10)}}
		s.prepared.Set(digest{byte(i)}, p)
		if n := s.prepared.WeightedSize(); n > limit || i > 50 && n < limit/2 {
			t.Fatalf("%d bytes of pictures are held after %d, at most %d are allowed", n, i+1, limit)
		}
	}
	for i := range 20_000 {
		s.remember(fmt.Sprint("https://shop.example/", i), known{validators: fetch.Validators{ETag: string(make([]byte, 800))}})
		if n := s.known.WeightedSize(); n > maxKnown {
			t.Fatalf("%d bytes of addresses are held, at most %d are allowed", n, maxKnown)
		}
	}
}

func TestCache_RejectsAPictureLargerThanItself(t *testing.T) {
	s, err := New(Config{CacheBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.prepared.Set(digest{}, &raster.Prepared{Picture: catalog.Picture{Data: make([]byte, 10)}})
	s.prepared.Set(digest{}, &raster.Prepared{Picture: catalog.Picture{Data: make([]byte, 2000)}})
	if _, ok := s.prepared.GetIfPresent(digest{}); ok || s.prepared.WeightedSize() != 0 {
		t.Errorf("%d bytes are held", s.prepared.WeightedSize())
	}
}
