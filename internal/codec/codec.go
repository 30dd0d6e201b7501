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

// must is for options that are constants.
func must[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// EncodeItems returns the stored form of items. The error is one of memory at most: every item
// has a form.
func EncodeItems(items []catalog.Item) ([]byte, error) {
	forms := make([]item, len(items))
	for i := range items {
		forms[i] = item(items[i])
	}
	return encoder.Marshal(forms)
}

// DecodeItems reads what EncodeItems wrote.
func DecodeItems(b []byte) ([]catalog.Item, error) {
	var forms []item
	if err := decoder.Unmarshal(b, &forms); err != nil {
		return nil, fmt.Errorf("read stored items: %w", err)
	}
	items := make([]catalog.Item, len(forms))
	for i := range forms {
		items[i] = catalog.Item(forms[i])
	}
	return items, nil
}

// EncodeOutcomes returns the stored form of outcomes, of a fault without its cause.
func EncodeOutcomes(outcomes []catalog.Outcome) ([]byte, error) {
	forms := make([]outcome, len(outcomes))
	for i := range outcomes {
		forms[i] = outcomeForm(&outcomes[i])
	}
	return encoder.Marshal(forms)
}

// DecodeOutcomes reads what EncodeOutcomes wrote.
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

// EncodeAnswer returns the stored form of an answer.
func EncodeAnswer(a *catalog.Answer) ([]byte, error) {
	form := answer{Verdict: verdict(a.Verdict), Trace: traceForm(&a.Trace)}
	if !a.Asked.IsZero() {
		form.Asked = a.Asked.UnixMilli()
	}
	return encoder.Marshal(form)
}

// DecodeAnswer reads what EncodeAnswer wrote.
func DecodeAnswer(b []byte) (catalog.Answer, error) {
	var form answer
	if err := decoder.Unmarshal(b, &form); err != nil {
		return catalog.Answer{}, fmt.Errorf("read a stored answer: %w", err)
	}
	a := catalog.Answer{Verdict: catalog.Verdict(form.Verdict), Trace: form.Trace.trace()}
	if form.Asked != 0 {
		a.Asked = time.UnixMilli(form.Asked)
	}
	return a, nil
}

// Encode returns the stored form of any other value whose fields have numbers as names, in tags
// such as `cbor:"1,keyasint,omitempty"`.
func Encode(v any) ([]byte, error) { return encoder.Marshal(v) }

// Decode reads what Encode wrote into the value that v points to.
func Decode(b []byte, v any) error {
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read a stored %T: %w", v, err)
	}
	return nil
}
