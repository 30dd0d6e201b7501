package codec_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// whole has a value in every field that is stored.
var (
	wholeItem = catalog.Item{
		ID: "1", Name: "chair", Description: "oak", Type: "seat", Category: "CHAIR", Styles: []string{"MODERN"}, Tags: []string{"new"},
		PriceRange: "100", ProductURL: "https://shop.example/1", ImageURL: "https://shop.example/1.png", ImageData: []byte{1, 2},
		Attributes: map[string]string{"colour": "red"}, Row: &catalog.Row{Columns: []string{"name"}, Cells: []string{"chair"}},
	}
	wholeAnswer = catalog.Answer{
		Classification: catalog.Classification{
			Category: "CHAIR", Confidence: 0.5, ConfidenceSource: catalog.FromModel, PrimaryStyle: "MODERN", SecondaryStyle: "RUSTIC",
			StyleTags: []string{"clean"}, PlacementTags: []string{"kitchen"}, Reasoning: "its name", Evidence: catalog.EvidenceText,
			NeedsReview: true, Alternatives: []catalog.Alternative{{Category: "CHAIR", Probability: 0.5}},
		},
		Trace: catalog.Trace{
			Attempts: 2, Cached: true, Deduplicated: true, Backend: "openai", Model: "gpt", QueueTime: 3, Latency: 4,
			Usage:    catalog.Usage{Prompt: 5, CachedPrompt: 6, Completion: 7, CacheWrites: 8, Reasoning: 9},
			Taxonomy: "t1", PromptVersion: "p1", DescriptionCut: true,
		},
		Asked: time.UnixMilli(1_700_000_000_000),
	}
	wholeOutcome = catalog.Outcome{
		Index: 1, ID: "1", Name: "chair", Kind: catalog.KindImage, Classification: wholeAnswer.Classification, Trace: wholeAnswer.Trace,
		ImageErr: fault.New(fault.ImageUnreachable, "away").After(time.Second),
	}
)

// What earlier versions have stored of them.
const (
	storedItem = "81ad0161310265636861697203636f616b046473656174056543484149520681664d4f4445524e0781636e657708633130300976687474" +
		"70733a2f2f73686f702e6578616d706c652f310a781a68747470733a2f2f73686f702e6578616d706c652f312e706e670b4201020ca166" +
		"636f6c6f7572637265640da20181646e616d650281656368616972"
	storedAnswer = "a301ab0165434841495202fb3fe0000000000000030204664d4f4445524e0566525553544943068165636c65616e0781676b6974636865" +
		"6e0868697473206e616d6509020af50b81a20165434841495202fb3fe000000000000002af010202f503f504666f70656e616905636770" +
		"7406030704080509060a070b6274310c6270310d080e090ff5031b0000018bcfe56800"
	storedOutcome = "81a7010102613103656368616972040105ab0165434841495202fb3fe0000000000000030204664d4f4445524e05665255535449430681" +
		"65636c65616e0781676b69746368656e0868697473206e616d6509020af50b81a20165434841495202fb3fe000000000000007a3017149" +
		"4d4147455f554e524541434841424c45026461776179031a3b9aca0008af010202f503f504666f70656e61690563677074060307040805" +
		"09060a070b6274310c6270310d080e090ff5"
)

func TestStoredForm_IsThatOfEarlierVersions(t *testing.T) {
	item, itemErr := codec.EncodeItems([]catalog.Item{wholeItem})
	answer, answerErr := codec.EncodeAnswer(&wholeAnswer)
	outcome, outcomeErr := codec.EncodeOutcomes([]catalog.Outcome{wholeOutcome})
	if err := errors.Join(itemErr, answerErr, outcomeErr); err != nil {
		t.Fatal(err)
	}
	for stored, encoded := range map[string][]byte{storedItem: item, storedAnswer: answer, storedOutcome: outcome} {
		var want, got any
		if err := errors.Join(codec.Decode(bytesOf(t, stored), &want), codec.Decode(encoded, &got)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	items, itemErr := codec.DecodeItems(bytesOf(t, storedItem))
	gotAnswer, answerErr := codec.DecodeAnswer(bytesOf(t, storedAnswer))
	outcomes, outcomeErr := codec.DecodeOutcomes(bytesOf(t, storedOutcome))
	if err := errors.Join(itemErr, answerErr, outcomeErr); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{wholeItem, wholeAnswer, wholeOutcome}, []any{items[0], gotAnswer, outcomes[0]}, loosely); diff != "" {
		t.Error(diff)
	}
}

func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStoredForm_NumbersEveryField(t *testing.T) {
	for _, stored := range [][]any{
		{catalog.Item{}}, {catalog.Row{}}, {catalog.Classification{}}, {catalog.Alternative{}}, {catalog.Trace{}, catalog.Usage{}},
	} {
		numbers := map[string]bool{}
		for _, noun := range stored {
			for _, field := range reflect.VisibleFields(reflect.TypeOf(noun)) {
				number, ok := strings.CutSuffix(field.Tag.Get("cbor"), ",keyasint,omitempty")
				if field.Type == reflect.TypeFor[catalog.Usage]() { // whose fields are stored among the others
					continue
				}
				if !ok || numbers[number] {
					t.Errorf("%T.%s is stored as %q, which is no number of its own", noun, field.Name, number)
				}
				numbers[number] = true
			}
		}
	}
}
