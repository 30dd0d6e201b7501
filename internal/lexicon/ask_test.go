package lexicon_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/lexicon"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

func TestAsk(t *testing.T) {
	c, furniture := classifier(t)
	t.Run("answers with a trace", func(t *testing.T) {
		got, err := c.Ask(t.Context(), catalog.Question{Item: &catalog.Item{Name: "Bench"}, Picture: &catalog.Picture{}})
		if err != nil {
			t.Fatal(err)
		}
		got.Trace.Latency = 0
		want := catalog.Trace{Backend: "offline", Model: "lexicon", Taxonomy: furniture.Version}
		if diff := cmp.Diff(want, got.Trace); diff != "" {
			t.Error(diff)
		}
		if got.Classification.Category != "BENCH" || got.Classification.NeedsReview {
			t.Errorf("classification %+v", got.Classification)
		}
	})
	for name, item := range map[string]*catalog.Item{
		"only a picture": {ImageURL: "https://shop.example/1.jpg"}, "only blanks": {Name: " \t"}, "no item": nil,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Ask(t.Context(), catalog.Question{Item: item})
			if !fault.Is(err, fault.InvalidItem) {
				t.Errorf("error %v, want INVALID_ITEM", err)
			}
			if got.Trace.Backend != "offline" {
				t.Error("the trace is not filled in")
			}
		})
	}
	t.Run("not after the caller left", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Ask(ctx, catalog.Question{Item: &catalog.Item{Name: "Bench"}}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the context's", err)
		}
	})
}

func TestNew_RejectsTaxonomyWithoutChoices(t *testing.T) {
	for name, bad := range map[string]*taxonomy.Taxonomy{
		"nil": nil, "empty": {}, "no categories": {Styles: []taxonomy.Style{{Name: "A"}}},
		"too many": {Categories: make([]taxonomy.Category, taxonomy.MaxCategories+1), Styles: make([]taxonomy.Style, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := lexicon.New(bad); !fault.Is(err, fault.InvalidRequest) {
				t.Errorf("error %v, want INVALID_REQUEST", err)
			}
		})
	}
}

func TestClassify_ConcurrentCallers(t *testing.T) {
	c, _ := classifier(t)
	item := &catalog.Item{Name: "Rattan", Description: "Dimmable, lumen and watt and halogen and glare", Attributes: map[string]string{"b": "stool", "a": "desk", "type": "x"}}
	want := c.Classify(item)
	done := make(chan catalog.Classification, 8)
	for range cap(done) {
		go func() {
			var last catalog.Classification
			for range 50 {
				last = c.Classify(item)
				c.Classify(&catalog.Item{Name: "Brass lamp", Description: "Nordic. Lumen and watt and kelvin."})
			}
			done <- last
		}()
	}
	for range cap(done) {
		if diff := cmp.Diff(want, <-done); diff != "" {
			t.Error(diff)
		}
	}
}
