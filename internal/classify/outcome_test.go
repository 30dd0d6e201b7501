package classify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestOutcome_AlwaysNamesTheTaxonomy(t *testing.T) {
	b := setUp(t, 1, func(p *classify.Parts) { p.Trace = catalog.Trace{Taxonomy: "v1"} })
	o, err := b.Classify(t.Context(), classify.Call{}, &catalog.Item{})
	if err != nil || o.Err == nil || o.Trace.Taxonomy != "v1" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestPanic_IsOneItemsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 8), collect()
		all := items(20, time.Second, func(i int, it *catalog.Item) {
			if i == 7 {
				it.Type = "panic"
			}
		})
		s, err := b.Run(t.Context(), classify.Call{}, from(all), g.send)
		if err != nil || s.Succeeded != 19 || s.FailuresByReason["INTERNAL"] != 1 {
			t.Errorf("%+v, %v", s, err)
		}
		if !strings.Contains(b.diary.String(), "panic 7 the model's reply") {
			t.Errorf("the panic was not reported:\n%s", b.diary)
		}
	})
}

func TestPanic_OfTheSourceEndsTheCallAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 8), collect()
		next := from(items(20, time.Second, nil))
		n := 0
		s, err := b.Run(t.Context(), classify.Call{}, func(ctx context.Context) (*catalog.Item, error) {
			if n++; n == 5 {
				panic("the source")
			}
			return next(ctx)
		}, g.send)
		if !fault.Is(err, fault.Internal) || strings.Contains(fault.From(err).Message, "the source") {
			t.Errorf("%+v, %v", s, err)
		}
		if !strings.Contains(b.diary.String(), "panic -1 the source") {
			t.Errorf("the panic was not reported:\n%s", b.diary)
		}
	})
}

func TestPanic_OfTheSinkLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 8)
		defer func() {
			if v := recover(); v != "the sink" {
				t.Errorf("recovered %v", v)
			}
			synctest.Wait() // the bubble ends only if no goroutine is left
		}()
		_, _ = b.Run(t.Context(), classify.Call{}, from(items(200, time.Second, nil)), func(catalog.Batch) error { panic("the sink") })
	})
}

func TestSteps(t *testing.T) {
	picture, url := []byte("picture"), "http://shop.example/1.jpg"
	tests := []struct {
		name    string
		item    catalog.Item
		options catalog.Options
		want    string // kind, then reason or evidence, then the picture's reason
	}{
		{"text", catalog.Item{Name: "x"}, catalog.Options{}, "text TEXT"},
		{"picture", catalog.Item{ImageData: picture}, catalog.Options{}, "image PICTURE"},
		{"picture unusable, has text", catalog.Item{Name: "x", ImageURL: url}, catalog.Options{}, "image TEXT IMAGE_UNSUPPORTED"},
		{
			"picture unusable, no fallback",
			catalog.Item{Name: "x", ImageURL: url},
			catalog.Options{ImageFallback: catalog.FallbackError},
			"image IMAGE_UNSUPPORTED",
		},
		{"picture unusable, no text", catalog.Item{ImageURL: url}, catalog.Options{}, "image IMAGE_UNSUPPORTED"},
		{"text mode ignores pictures", catalog.Item{Name: "x", ImageData: picture}, catalog.Options{Mode: catalog.ModeText}, "text TEXT"},
		{"text mode, only a picture", catalog.Item{ImageData: picture}, catalog.Options{Mode: catalog.ModeText}, "text INVALID_ITEM"},
		{"image mode, only text", catalog.Item{Name: "x"}, catalog.Options{Mode: catalog.ModeImage}, "image TEXT IMAGE_UNSUPPORTED"},
		{"nothing", catalog.Item{ID: "7"}, catalog.Options{}, "text INVALID_ITEM"},
		{"blanks", catalog.Item{Name: "  ", Tags: []string{" "}, ProductURL: " "}, catalog.Options{}, "text INVALID_ITEM"},
		{"long id", catalog.Item{ID: strings.Repeat("x", 1025), Name: "x"}, catalog.Options{}, "text INVALID_ITEM"},
		{"long address", catalog.Item{Name: "x", ImageURL: strings.Repeat("x", 33<<10)}, catalog.Options{}, "image INVALID_ITEM"},
		{"too long", catalog.Item{Description: strings.Repeat("x", 33<<10)}, catalog.Options{}, "text INVALID_ITEM"},
		{"refused", catalog.Item{Name: "x", Type: "refuse"}, catalog.Options{}, "text REFUSED"},
		{"picture unusable, text refused", catalog.Item{Name: "x", Type: "refuse", ImageURL: url}, catalog.Options{}, "image REFUSED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := setUp(t, 1)
			o, err := b.Classify(t.Context(), classify.Call{Options: tt.options}, &tt.item)
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(o); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func describe(o catalog.Outcome) string {
	words := []string{o.Kind.String()}
	switch {
	case o.Err != nil:
		words = append(words, o.Err.Reason.String())
	case o.Classification.Evidence == catalog.EvidencePicture:
		words = append(words, "PICTURE")
	default:
		words = append(words, "TEXT")
	}
	if o.ImageErr != nil {
		words = append(words, o.ImageErr.Reason.String())
	}
	return strings.Join(words, " ")
}

func TestReview(t *testing.T) {
	b := setUp(t, 1)
	for kind, want := range map[string]bool{"": false, "unsure": true, "unknown": true} {
		o, err := b.Classify(t.Context(), classify.Call{}, &catalog.Item{Name: "x", Type: kind})
		if err != nil || o.Classification.NeedsReview != want {
			t.Errorf("%q: needs review %v, %v", kind, o.Classification.NeedsReview, err)
		}
	}
}

// lexicon answers everything at once.
type lexicon struct{}

func (lexicon) Ask(ctx context.Context, _ catalog.Question) (catalog.Answer, error) {
	return catalog.Answer{
		Classification: catalog.Classification{Category: "BED", Confidence: 1},
		Trace:          catalog.Trace{Backend: "offline", Model: "lexicon"},
	}, ctx.Err()
}

func TestFallback_AnswersWhatTheModelCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 8, func(p *classify.Parts) { p.Fallback = lexicon{} })
		tests := map[string]catalog.Item{
			"offline 1": {Name: "x", Type: "down"},
			"offline 0": {Name: "x", Description: "never", Type: ""},
			"openai 1":  {Name: "x"},
		}
		slow := tests["offline 0"]
		slow.Description = "1h" // its time is up in the middle of its one attempt
		tests["offline 1 late"] = slow
		delete(tests, "offline 0")
		for want, it := range tests {
			o, err := b.Classify(t.Context(), classify.Call{}, &it)
			if err != nil || o.Err != nil {
				t.Fatal(want, err, o.Err)
			}
			if got := fmt.Sprint(o.Trace.Backend, " ", o.Trace.Attempts); !strings.HasPrefix(want, got) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		o, _ := b.Classify(t.Context(), classify.Call{}, &catalog.Item{})
		if !fault.Is(o.Err, fault.InvalidItem) {
			t.Errorf("an empty item was answered: %v", o.Err)
		}
		seen := catalog.Item{Name: "x", Type: "down", ImageData: []byte("picture")}
		o, _ = b.Classify(t.Context(), classify.Call{}, &seen)
		if o.Err != nil || !fault.Is(o.ImageErr, fault.UpstreamUnavailable) {
			t.Errorf("a picture that the model could not look at: %v, %v", o.Err, o.ImageErr)
		}
		strict := catalog.Options{ImageFallback: catalog.FallbackError}
		if o, _ = b.Classify(t.Context(), classify.Call{Options: strict}, &seen); !fault.Is(o.Err, fault.UpstreamUnavailable) {
			t.Errorf("answered from text against the caller's wish: %v", o.Err)
		}
	})
}

func TestObserver_InOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 16), collect()
		all := items(14, time.Second, func(i int, it *catalog.Item) {
			if i == 12 {
				it.Type = "refuse"
			}
		})
		call := classify.Call{Options: catalog.Options{Delivery: catalog.InOrder}, Total: 14}
		if _, err := b.Run(t.Context(), call, from(all), g.send); err != nil {
			t.Fatal(err)
		}
		want := "call 14\nbegin text 1 of 10\nbegin text 2 of 4\nsent 1 with 10 after 1s\nitem 12 REFUSED\nsent 2 with 4 after 1s"
		lines := strings.Split(b.diary.String(), "\n")
		if len(lines) != 6 || !sameLines(lines, strings.Split(want, "\n")) {
			t.Errorf("got\n%s\nwant\n%s", b.diary, want)
		}
	})
}

// sameLines compares without order: outcomes of one moment come in any.
func sameLines(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestNew_RefusesInvalidConfig(t *testing.T) {
	good := classify.Config{BatchSize: [catalog.NumKinds]int{10, 5}, FlushDelay: time.Second}
	tests := map[string]func(*classify.Config){
		"text batch size": func(c *classify.Config) { c.BatchSize[catalog.KindText] = 0 },
		"1001":            func(c *classify.Config) { c.BatchSize[catalog.KindImage] = 1001 },
		"flush delay":     func(c *classify.Config) { c.FlushDelay = -1 },
		"threshold":       func(c *classify.Config) { c.ReviewBelow = 1.5 },
	}
	for want, spoil := range tests {
		c := good
		spoil(&c)
		if _, err := classify.New(c, classify.Parts{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %q, got %v", want, err)
		}
	}
}
