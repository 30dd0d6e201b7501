package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

// parseSSE takes a stream apart as the HTML standard has a browser do it (9.2.6,
// "Interpreting an event stream"), and returns the data of each event that would
// be dispatched. What a browser would pass over in silence, an unknown field or a
// cut-off event, fails the test: the server has no reason to send it.
func parseSSE(t *testing.T, stream string) (events []string, comments int) {
	t.Helper()
	if !utf8.ValidString(stream) {
		t.Fatal("the stream is not in UTF-8")
	}
	stream = strings.TrimPrefix(stream, "\ufeff")
	stream = strings.ReplaceAll(strings.ReplaceAll(stream, "\r\n", "\n"), "\r", "\n")
	if stream != "" && !strings.HasSuffix(stream, "\n\n") {
		t.Fatalf("the last event is not ended: %q", stream[max(0, len(stream)-100):])
	}
	var data strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(stream, "\n"), "\n") {
		field, value, colon := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data.Len() > 0 {
				events = append(events, strings.TrimSuffix(data.String(), "\n"))
			}
			data.Reset()
		case colon && field == "":
			comments++
		case field == "data":
			data.WriteString(value + "\n")
		default:
			t.Fatalf("the field %q is none of this stream's", field)
		}
	}
	return events, comments
}

// sent is an event as a client sees it.
type sent struct {
	BatchID        int64            `json:"batch_id"`
	Results        []map[string]any `json:"results"`
	Timestamp      string           `json:"timestamp"`
	ProcessingType string           `json:"processing_type"`
	Error          *string          `json:"error"`
	TotalProcessed *int64           `json:"total_processed"`
}

func parseEvents(t *testing.T, stream string) []sent {
	t.Helper()
	texts, _ := parseSSE(t, stream)
	events := make([]sent, len(texts))
	for i, text := range texts {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&events[i]); err != nil {
			t.Fatalf("event %d, %q: %v", i, text, err)
		}
	}
	return events
}

func TestBatchOfWhichAllFailed(t *testing.T) {
	failed := []catalog.Outcome{{Index: 0, Name: "a", Err: fault.New(fault.Refused, "first")}, {Index: 1, Name: "b", Err: fault.New(fault.Refused, "second")}}
	engine := fakeEngine{run: func(ctx context.Context, _ classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
		_, err := next(ctx)
		return catalog.Summary{Total: 4}, errors.Join(err,
			send(batchOf(1, catalog.KindText, failed...)), send(batchOf(2, catalog.KindText, failed[0], sofa(1, "b"))))
	}}
	events := parseEvents(t, start(t, setup{engine: engine}).ask(t, "POST", classifyPath, twoRows).body)
	if len(events) != 3 {
		t.Fatal(events)
	}
	if e := events[0]; e.ProcessingType != "text_multithreaded" || e.Error == nil || *e.Error != "first" || len(e.Results) != 2 || e.Results[1]["reasoning"] != "second" {
		t.Errorf("the failed batch is %+v", e)
	}
	if e := events[1]; e.ProcessingType != "text_multithreaded" || e.Error != nil {
		t.Errorf("the batch with one failure is %+v", e)
	}
	if events[2].ProcessingType != "complete" {
		t.Errorf("the last event is %+v", events[2])
	}
}
