package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// event is one line of the answer, with the original's keys.
type event struct {
	BatchID        int64    `json:"batch_id"`
	Results        []result `json:"results"`
	Timestamp      string   `json:"timestamp"`
	ProcessingType string   `json:"processing_type"`
	Error          *string  `json:"error"`
	TotalProcessed *int64   `json:"total_processed"`
}

// lastBatch is the number of the event after all batches.
const lastBatch = -1

// result is one item's.
type result struct {
	ProductName    string   `json:"product_name"`
	Category       string   `json:"category"`
	PrimaryStyle   *string  `json:"primary_style"`
	SecondaryStyle *string  `json:"secondary_style"`
	StyleTags      []string `json:"style_tags"`
	PlacementTags  []string `json:"placement_tags"`
	Confidence     decimal  `json:"confidence"`
	Reasoning      string   `json:"reasoning"`
}

// decimal is a number that has a decimal point in JSON even if it is whole, as Python
// writes it.
type decimal float64

// MarshalJSON writes the number.
func (d decimal) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(float64(d))
	if err == nil && !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	return text, err
}

// failedCategory is the category of an item that failed.
const failedCategory = "ERROR"

// maxEchoBytes is how much of an item's name comes back with its result.
const maxEchoBytes = 1 << 10

func resultOf(o *catalog.Outcome) result {
	r := result{
		ProductName:   strings.ToValidUTF8(catalog.Clip(strings.TrimSpace(o.Name), maxEchoBytes), ""),
		StyleTags:     []string{},
		PlacementTags: []string{},
	}
	if r.ProductName == "" {
		r.ProductName = fmt.Sprintf("Furniture Item %d", o.Index+1)
	}
	if o.Err != nil {
		r.Category, r.Reasoning = failedCategory, o.Err.Message
		return r
	}
	v := &o.Classification
	r.Category, r.Confidence, r.Reasoning = v.Category, decimal(v.Confidence), v.Reasoning
	r.PrimaryStyle, r.SecondaryStyle = styleName(v.PrimaryStyle), styleName(v.SecondaryStyle)
	r.StyleTags = append(r.StyleTags, v.StyleTags...)
	r.PlacementTags = append(r.PlacementTags, v.PlacementTags...)
	if o.ImageErr != nil {
		// There is no key for it, and a caller that sent a picture wants to know.
		r.Reasoning = strings.TrimSpace(r.Reasoning + " (From the text alone: " + o.ImageErr.Message + ")")
	}
	return r
}

// styleName spells a style as the original did, with spaces.
func styleName(style string) *string {
	if style == "" {
		return nil
	}
	style = strings.ReplaceAll(style, "_", " ")
	return &style
}

// events writes server-sent events, each flushed at once. It is not safe for
// concurrent use.
type events struct {
	w         *answer
	anyOrigin bool
	begun     bool
	sent      int64 // batches
	buf       []byte
}

func newEvents(w *answer, anyOrigin bool) *events { return &events{w: w, anyOrigin: anyOrigin} }

// begin sends the headers.
func (e *events) begin() error {
	e.header()
	return e.w.FlushError()
}

func (e *events) header() {
	if e.begun {
		return
	}
	e.begun = true
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events until it has some kilobytes
	if e.anyOrigin {
		h.Set("Access-Control-Allow-Origin", "*") // also without an Origin, as the original did
	}
	e.w.WriteHeader(http.StatusOK)
}

func (e *events) batch(b *catalog.Batch) error {
	e.sent = b.ID
	ev := event{
		BatchID: b.ID, Timestamp: timestamp(b.At), ProcessingType: b.Kind.ProcessingType(),
		Results: make([]result, len(b.Outcomes)),
	}
	for i := range b.Outcomes {
		ev.Results[i] = resultOf(&b.Outcomes[i])
	}
	if allFailed(b.Outcomes) {
		ev.Error = &b.Outcomes[0].Err.Message
	}
	return e.send(&ev)
}

// failedType is the processing_type of the last event of a call that broke off. No
// batch has it: clients of the original skip the results of an event that does.
const failedType = "error"

func allFailed(outcomes []catalog.Outcome) bool {
	return len(outcomes) > 0 && !slices.ContainsFunc(outcomes, func(o catalog.Outcome) bool { return o.Err == nil })
}

// complete is the last event of a call that came to its end.
func (e *events) complete(total int64) error {
	return e.send(&event{
		BatchID: lastBatch, Results: []result{}, Timestamp: timestamp(time.Now()),
		ProcessingType: "complete", TotalProcessed: &total,
	})
}

// failed is the last event of a call that did not.
func (e *events) failed(f *fault.Fault) error {
	return e.send(&event{
		BatchID: e.sent + 1, Results: []result{}, Timestamp: timestamp(time.Now()),
		ProcessingType: failedType, Error: &f.Message,
	})
}

func (e *events) send(ev *event) error {
	text, err := json.Marshal(ev)
	if err != nil {
		return fmt.Errorf("encode batch %d: %w", ev.BatchID, err)
	}
	e.buf = append(appendASCII(append(e.buf[:0], "data: "...), text), "\n\n"...)
	return e.write(e.buf)
}

// appendASCII appends JSON with other characters escaped, as the original sent it.
// Its clients may take the bytes for Latin-1, as Python's requests does with text
// that does not say otherwise, or take U+0085 for the end of a line.
func appendASCII(buf, text []byte) []byte {
	for _, c := range string(text) {
		switch {
		case c < utf8.RuneSelf:
			buf = append(buf, byte(c))
		case c <= 0xFFFF:
			buf = fmt.Appendf(buf, `\u%04x`, c)
		default:
			high, low := utf16.EncodeRune(c)
			buf = fmt.Appendf(buf, `\u%04x\u%04x`, high, low)
		}
	}
	return buf
}

// comment is what clients do not see and proxies do.
func (e *events) comment() error { return e.write([]byte(":\n\n")) }

// notice is a comment too: clients of the original know no other events, and people can
// read it in the bytes.
func (e *events) notice(n *catalog.Notice) error {
	text := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, n.String())
	return e.write([]byte(": " + text + "\n\n"))
}

func (e *events) write(text []byte) error {
	e.header()
	if _, err := e.w.Write(text); err != nil {
		return err
	}
	return e.w.FlushError()
}
