package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/credenza-dev/credenza/internal/llmsim"
)

// page does what the page of the original service does: it shows the text of an
// event that says it is an error, and takes the rows of every other one.
type page struct {
	rows     []string // reasoning of each
	messages []string
	done     bool
}

func (p *page) read(t *testing.T, answer *http.Response) {
	t.Helper()
	in := bufio.NewScanner(answer.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		text, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		var event struct {
			ProcessingType string                       `json:"processing_type"`
			Error          string                       `json:"error"`
			Results        []struct{ Reasoning string } `json:"results"`
		}
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		switch event.ProcessingType {
		case "error":
			p.messages = append(p.messages, event.Error)
			continue
		case "complete":
			p.done = true
		}
		for _, r := range event.Results {
			p.rows = append(p.rows, r.Reasoning)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestOldPage_ShowsAllRowsOfARequestInWhichABatchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()})
		list := make([]string, 25)
		for i := range list {
			list[i] = fmt.Sprintf(`{"Product Name":"oak chair %d"}`, i)
			if i >= 10 && i < 20 { // the second batch
				list[i] = `{"Product Name":NaN}`
			}
		}
		answer, err := post(t.Context(), w.over(), compatible, `{"toggle":1,"data":[`+strings.Join(list, ",")+`]}`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		var p page
		p.read(t, answer)
		if len(p.rows) != len(list) || !p.done || len(p.messages) > 0 || slices.Contains(p.rows, "") {
			t.Errorf("the page shows %d of %d rows and the messages %q, done: %v", len(p.rows), len(list), p.messages, p.done)
		}
	})
}
