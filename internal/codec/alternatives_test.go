package codec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

func TestDecode_Alternatives(t *testing.T) {
	want := []catalog.Alternative{{Category: "SOFA", Probability: 0.75}, {Category: "BED", Probability: 0.125}}
	b, err := codec.EncodeAnswer(&catalog.Answer{Classification: catalog.Classification{Category: "SOFA", Alternatives: want}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := codec.DecodeAnswer(b)
	if diff := cmp.Diff(want, answer.Classification.Alternatives); diff != "" || err != nil {
		t.Error(diff, err)
	}
	b, err = codec.EncodeOutcomes([]catalog.Outcome{{Classification: answer.Classification}})
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := codec.DecodeOutcomes(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, outcomes[0].Classification.Alternatives); diff != "" {
		t.Error(diff)
	}
}

func TestDecode_AnswerOfAnEarlierVersionHasNoAlternatives(t *testing.T) {
	b, err := codec.Encode(map[int]any{1: map[int]any{1: "SOFA", 2: 0.5}, 2: map[int]any{}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := codec.DecodeAnswer(b)
	if err != nil || answer.Classification.Category != "SOFA" || answer.Classification.Alternatives != nil {
		t.Errorf("%+v, %v", answer, err)
	}
}
