package catalog_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/credenza-dev/credenza/internal/catalog"
)

func TestIndexSet_HasWhatItWasMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfDistinct(rapid.Int64Range(0, rapid.SampledFrom([]int64{20, 1000, 1 << 40}).Draw(t, "most")), func(i int64) int64 { return i }).Draw(t, "indexes")
		slices.Sort(want)
		if got := slices.Collect(catalog.NewIndexSet(want).All()); !slices.Equal(want, got) {
			t.Fatalf("%d became %d", want, got)
		}
	})
}

func TestIndexSet_IsCompact(t *testing.T) {
	for name, tc := range map[string]struct {
		step int64
		most int
	}{"all": {1, 16}, "every other": {2, 12_600 * 2}, "every hundredth": {100, 4100}} {
		var indexes []int64
		for i := int64(0); i < 100_000*min(tc.step, 2); i += tc.step {
			indexes = append(indexes, i)
		}
		if n := len(catalog.NewIndexSet(indexes)); n > tc.most {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
}

func FuzzIndexSet(f *testing.F) {
	f.Add([]byte{0, 5, 3})
	f.Add([]byte{1, 8, 255})
	f.Fuzz(func(_ *testing.T, b []byte) {
		n := 0
		for range catalog.IndexSet(b).All() {
			if n++; n == 1000 {
				return
			}
		}
	})
}
