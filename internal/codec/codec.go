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

// EncodeItems encodes items.
func EncodeItems(items []catalog.Item) ([]byte, error) { return encoder.Marshal(items) }

// DecodeItems decodes the result of EncodeItems.
func DecodeItems(b []byte) ([]catalog.Item, error) {
	var items []catalog.Item
	if err := decoder.Unmarshal(b, &items); err != nil {
		return nil, fmt.Errorf("read stored items: %w", err)
	}
	return items, nil
}

// EncodeOutcomes encodes outcomes, without the causes of faults.
func EncodeOutcomes(outcomes []catalog.Outcome) ([]byte, error) {
	forms := make([]outcome, len(outcomes))
	for i := range outcomes {
		forms[i] = outcomeForm(&outcomes[i])
	}
	return encoder.Marshal(forms)
}

// DecodeOutcomes decodes the result of EncodeOutcomes.
func DecodeOutcomes(b []byte) ([]catalog.Outcome, error) {
	var forms []outcome
	if err := decoder.Unmarshal(b, &forms); err != nil {
		return nil, fmt.Errorf("read stored outcomes: %w", err)
	}
	outcomes := make([]catalog.Outcome, len(forms))
	for i := range forms {
		outcomes[i] = forms[i].outcome()
	}
	return outcomes, nil
}

// EncodeAnswer encodes an answer.
func EncodeAnswer(a *catalog.Answer) ([]byte, error) {
	form := answer{Classification: a.Classification, Trace: traceForm(&a.Trace)}
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
	a := catalog.Answer{Classification: form.Classification, Trace: form.Trace.trace()}
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
