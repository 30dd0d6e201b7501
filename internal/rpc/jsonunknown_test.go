package rpc_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestUnknownKeysOfJSON_AreNamed(t *testing.T) {
	const jobs, operations = "http://127.0.0.1/credenza.v1.JobService/", "http://127.0.0.1/credenza.v1.OperationsService/"
	for body, tt := range map[string]struct{ url, field, says string }{
		`{"item":{"product_nme":"a"}}`:                              {atClassify, "item.product_nme", `unknown field \"product_nme\" of credenza.v1.Item: did you mean product_name?`},
		`{"item":{"productNme":"a"}}`:                               {atClassify, "item.productNme", "did you mean product_name?"},
		`{"item":{"name":"a"}}`:                                     {atClassify, "item.name", "did you mean product_name?"},
		`{"item":{"colour":"a"}}`:                                   {atClassify, "item.colour", "give one of id, product_name, description"},
		`{"product_name":"a"}`:                                      {atClassify, "product_name", `of credenza.v1.ClassifyRequest: give one of item, mode, options`},
		`{"item":{},"options":{"batchsize":3}}`:                     {atClassify, "options.batchsize", "did you mean batch_size?"},
		`{"item":{"attributes":{"any":"key"}},"option":{}}`:         {atClassify, "option", "did you mean options?"},
		`{"item":{"tags":["a"],"id":"1"},"mod":null}`:               {atClassify, "mod", "did you mean mode?"},
		`{"options":{"itemTimeout":"3s"},"item":{"pricerang\n":1}}`: {atClassify, `item.pricerang\\n`, "did you mean price_range?"},
		`{"jobid":"a","x":1}`:                                       {jobs + "GetJob", "jobid", "did you mean job_id?"},
		`{"x":1}`:                                                   {operations + "GetStatus", "x", "it has no fields"},
		`{"pageSize":1,"filter":1}`:                                 {jobs + "ListJobs", "filter", "give one of page_size, page_token, state"},
	} {
		h := startHTTP(t, setup{})
		status, answer := h.post(t, tt.url, body)
		if status != http.StatusBadRequest || !strings.Contains(answer, `"code":"invalid_argument"`) || !strings.Contains(answer, tt.says) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
		if !strings.Contains(answer, `"message":"`+tt.field+": unknown field") {
			t.Errorf("%s: want the field %s in %s", body, tt.field, answer)
		}
	}
}

func TestUnknownKeysOfJSON_InLists(t *testing.T) {
	h := startHTTP(t, setup{})
	for body, want := range map[string]string{
		`{"items":[{"id":"1"},{"productName":"a","tag":["b"]}]}`:              `items[1].tag: unknown field \"tag\" of credenza.v1.Item: did you mean tags?`,
		`{"rows":{"columns":["a"],"rows":[{"cells":["b"]},{"cell":["b"]}]}}`:  `rows.rows[1].cell: unknown field \"cell\" of credenza.v1.Row: did you mean cells?`,
		`{"rows":{"columns":["a"],"row":[{"cells":["b"]}]}}`:                  `did you mean rows?`,
		`{"items":[{"attributes":{"a":"b"}}],"rows":{"columns":[]},"item":1}`: `item: unknown field \"item\" of credenza.v1.ClassifyStreamRequest: did you mean items?`,
	} {
		status, answer := h.send(t, http.MethodPost, atStream, strings.NewReader(envelope(body)), "Content-Type: application/connect+json")
		if status != http.StatusOK || !strings.Contains(answer, "invalid_argument") || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}

func TestUnknownKeysOfJSON_BothSpellingsAreKnown(t *testing.T) {
	h := startHTTP(t, setup{})
	for _, body := range []string{
		`{"item":{"productName":"a","imageUrl":"","attributes":{"unknown":"key"}},"options":{"batchSize":3,"itemTimeout":"3s"}}`,
		`{"item":{"product_name":"a","image_url":"","price_range":null},"options":{"batch_size":3,"item_timeout":"3s"}}`,
	} {
		if status, answer := h.post(t, atClassify, body); status != http.StatusOK {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}

// A caller that takes names for keys must find none of them in the log.
func TestUnknownKeysOfJSON_AreNotLogged(t *testing.T) {
	h := startHTTP(t, setup{})
	if status, answer := h.post(t, atClassify, `{"item":{"secret-7":"a"}}`); status != http.StatusBadRequest || !strings.Contains(answer, "secret-7") {
		t.Errorf("%d %s", status, answer)
	}
	chunk := rowChunk([]string{"secret-7"}, []string{"a"})
	chunk.Overrides = map[string]string{"id": "secret-77"}
	wantInvalid(t, streamError(t.Context(), h.rawItems(t), &credenzav1.ClassifyStreamRequest{Rows: chunk}), "INVALID_REQUEST", "rows.overrides")
	lines := h.logs.FilterMessage("finished call").All()
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		if said := fmt.Sprint(line.ContextMap()); strings.Contains(said, "secret") || !strings.Contains(said, "...") && !strings.Contains(said, "rows.overrides") {
			t.Errorf("the log has %s", said)
		}
	}
}

// TestUnknownKeysOfJSON_LongOnesAreNotCompared has a key that is no misspelt name. To compare
// it with each name would take seconds.
func TestUnknownKeysOfJSON_LongOnesAreNotCompared(t *testing.T) {
	h := startHTTP(t, setup{})
	key := "product_name" + strings.Repeat("e", 1<<20)
	status, answer := h.post(t, atClassify, `{"item":{"`+key+`":"a"}}`)
	if status != http.StatusBadRequest || !strings.Contains(answer, "give one of id, product_name") || len(answer) > 10_000 {
		t.Errorf("%d %.500s", status, answer)
	}
}
