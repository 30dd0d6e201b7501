package codec_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loosely = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(fault.Fault{})}

func outcomes() *rapid.Generator[catalog.Outcome] {
	trace := rapid.Custom(func(t *rapid.T) catalog.Trace {
		return rapid.Make[catalog.Trace]().Draw(t, "trace")
	})
	failure := rapid.Custom(func(t *rapid.T) *fault.Fault {
		reason := rapid.SampledFrom(fault.ItemReasons()).Draw(t, "reason")
		return fault.Wrap(errors.New("cause"), reason, "%s", rapid.String().Draw(t, "message")).
			After(time.Duration(rapid.Int64().Draw(t, "after")))
	})
	return rapid.Custom(func(t *rapid.T) catalog.Outcome {
		o := catalog.Outcome{
			Index: rapid.Int64().Draw(t, "index"), ID: rapid.String().Draw(t, "id"), Name: rapid.String().Draw(t, "name"),
			Kind: rapid.SampledFrom([]catalog.Kind{catalog.KindText, catalog.KindImage}).Draw(t, "kind"), Trace: trace.Draw(t, "trace"),
		}
		if rapid.Bool().Draw(t, "failed") {
			o.Err = failure.Draw(t, "err")
		} else {
			o.Classification = rapid.Make[catalog.Classification]().Draw(t, "classification")
		}
		if rapid.Bool().Draw(t, "blind") {
			o.ImageErr = failure.Draw(t, "image err")
		}
		return o
	})
}

func TestDecode_ReturnsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOf(rapid.Make[catalog.Item]()).Draw(t, "items")
		b, err := codec.EncodeItems(items)
		if err != nil {
			t.Fatal(err)
		}
		gotItems, err := codec.DecodeItems(b)
		if diff := cmp.Diff(items, gotItems, loosely); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		want := rapid.SliceOf(outcomes()).Draw(t, "outcomes")
		if b, err = codec.EncodeOutcomes(want); err != nil {
			t.Fatal(err)
		}
		got, err := codec.DecodeOutcomes(b)
		if diff := cmp.Diff(want, got, loosely); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		answer := catalog.Answer{
			Classification: rapid.Make[catalog.Classification]().Draw(t, "classification"), Trace: rapid.Make[catalog.Trace]().Draw(t, "trace"),
		}
		if ms := rapid.Int64Range(0, 1<<42).Draw(t, "asked"); ms > 0 {
			answer.Asked = time.UnixMilli(ms)
		}
		if b, err = codec.EncodeAnswer(&answer); err != nil {
			t.Fatal(err)
		}
		gotAnswer, err := codec.DecodeAnswer(b)
		if diff := cmp.Diff(answer, gotAnswer, loosely); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

func TestDecode_UnknownReasonIsInternal(t *testing.T) {
	b, err := codec.Encode([]map[int]any{{1: 7, 6: map[int]any{1: "OUT_OF_TUNE", 2: "sing again"}, 99: "new"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.DecodeOutcomes(b)
	if err != nil || len(got) != 1 || got[0].Index != 7 || got[0].Err.Reason != fault.Internal || got[0].Err.Message != "sing again" {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := codec.EncodeOutcomes([]catalog.Outcome{{Index: 1, Err: fault.New(fault.Refused, "no")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = codec.DecodeItems(b)
		_, _ = codec.DecodeAnswer(b)
		got, err := codec.DecodeOutcomes(b)
		if err != nil {
			return
		}
		again, err := codec.EncodeOutcomes(got)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := codec.DecodeOutcomes(again); err != nil || !cmp.Equal(got, same, loosely, cmpopts.EquateNaNs()) {
			t.Fatalf("%+v became %+v (%v)", got, same, err)
		}
	})
}

func BenchmarkOutcomes(b *testing.B) {
	o := make([]catalog.Outcome, 100)
	for i := range o {
		o[i] = catalog.Outcome{Index: int64(i), ID: "id-1", Name: "Oak chair", Classification: catalog.Classification{
			Category: "CHAIR", Confidence: 0.9, PrimaryStyle: "MODERN", StyleTags: []string{"clean", "oak", "light"},
			PlacementTags: []string{"dining room", "kitchen"}, Reasoning: "The name says chair.",
		}}
	}
	for b.Loop() {
		bytes, err := codec.EncodeOutcomes(o)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := codec.DecodeOutcomes(bytes); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(bytes)))
	}
}

func TestDecode_KeepsTheSummaryOfAFailure(t *testing.T) {
	f := fault.New(fault.ImageUnreachable, "shop.example answered 404").WithSummary(fault.PictureNotFound)
	b, err := codec.EncodeOutcomes([]catalog.Outcome{{ImageErr: f}, {Err: fault.New(fault.Refused, "no")}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.DecodeOutcomes(b)
	if err != nil || got[0].ImageErr.Summary() != fault.PictureNotFound || got[1].Err.Summary() != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}
