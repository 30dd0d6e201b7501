package codec

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/credenza-dev/credenza/internal/catalog"
)

var (
	encoder = must(cbor.EncOptions{Time: cbor.TimeUnixMicro}.EncMode())
	decoder = must(cbor.DecOptions{
		// An item may have as many tags as fit into a request.
		MaxArrayElements: 1 << 26, MaxMapPairs: 1 << 26, MaxNestedLevels: 16, UTF8: cbor.UTF8DecodeInvalid,
	}.DecMode())
)

// must panics if options that are constants are invalid.
func must[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// encodeAll encodes a list. Every value has a form, so the only error is of memory.
func encodeAll[T, F any](values []T, form func(*T) F) ([]byte, error) {
	forms := make([]F, len(values))
	for i := range values {
		forms[i] = form(&values[i])
	}
	return encoder.Marshal(forms)
}

func decodeAll[T, F any](b []byte, what string, value func(*F) T) ([]T, error) {
	var forms []F
	if err := decoder.Unmarshal(b, &forms); err != nil {
		return nil, fmt.Errorf("read stored %s: %w", what, err)
	}
	values := make([]T, len(forms))
	for i := range forms {
		values[i] = value(&forms[i])
	}
	return values, nil
}

// EncodeItems encodes items.
func EncodeItems(items []catalog.Item) ([]byte, error) {
	return encodeAll(items, func(it *catalog.Item) itemForm { return itemForm{item(*it), (*row)(it.Row)} })
}

// DecodeItems decodes the result of EncodeItems.
func DecodeItems(b []byte) ([]catalog.Item, error) {
	return decodeAll(b, "items", func(form *itemForm) catalog.Item {
		it := catalog.Item(form.item)
		it.Row = (*catalog.Row)(form.Row)
		return it
	})
}

// EncodeOutcomes encodes outcomes, without the causes of faults.
func EncodeOutcomes(outcomes []catalog.Outcome) ([]byte, error) {
	return encodeAll(outcomes, outcomeForm)
}

// DecodeOutcomes decodes the result of EncodeOutcomes.
func DecodeOutcomes(b []byte) ([]catalog.Outcome, error) {
	return decodeAll(b, "outcomes", (*outcome).outcome)
}

// EncodeAnswer encodes an answer.
func EncodeAnswer(a *catalog.Answer) ([]byte, error) {
	form := answer{Classification: classificationForm(&a.Classification), Trace: traceForm(&a.Trace)}
	if !a.Asked.IsZero() {
		form.Asked = a.Asked.UnixMilli()
	}
	return encoder.Marshal(form)
}

// DecodeAnswer decodes the result of EncodeAnswer.
func DecodeAnswer(b []byte) (catalog.Answer, error) {
	var form answer
	if err := decoder.Unmarshal(b, &form); err != nil {
		return catalog.Answer{}, fmt.Errorf("read a stored answer: %w", err)
	}
	a := catalog.Answer{Classification: form.Classification.classification(), Trace: form.Trace.trace()}
	if form.Asked != 0 {
		a.Asked = time.UnixMilli(form.Asked)
	}
	return a, nil
}

// Encode encodes any other value whose fields have numbers as names, in tags such as
// `cbor:"1,keyasint,omitempty"`.
func Encode(v any) ([]byte, error) { return encoder.Marshal(v) }

// Decode decodes the result of Encode into the value that v points to.
func Decode(b []byte, v any) error {
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read a stored %T: %w", v, err)
	}
	return nil
}
