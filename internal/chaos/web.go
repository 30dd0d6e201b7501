package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// post sends a body to the HTTP address of a replica, through its link.
func (l *load) post(ctx context.Context, r *replica, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+r.web.address()+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+l.tokens.current())
	return l.web.Do(req)
}

// judgeHTTP does for a status of HTTP what judge does for those of gRPC. Without a response,
// the connection failed.
func (l *load) judgeHTTP(what string, r *replica, status int, text string) {
	l.book.count("status", fmt.Sprintf("HTTP %d", status))
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusGatewayTimeout, 499, 0:
		return
	case http.StatusUnauthorized:
		if !l.tokens.settled() {
			return
		}
	}
	l.book.violate("%s on %s ended with %d: %.300s", what, r.name, status, text)
}

// compatible classifies rows at the compatible endpoint.
func (l *load) compatible(rng *rand.Rand, r *replica) {
	list := newItems(10 + rng.IntN(40))
	rows := make([]map[string]string, len(list))
	for i, item := range list {
		rows[i] = map[string]string{"product_name": item.ProductName, "description": item.Description}
	}
	body, err := json.Marshal(map[string]any{"data": rows, "toggle": 1})
	if !l.book.check("the rows", err) {
		return
	}
	t := newTally("/classify-category on " + r.name)
	ctx, end := l.within(callTime, t.what)
	defer end()
	l.book.accepted.Add(int64(len(list)))
	if err := l.readEvents(ctx, r, t, body, len(list)); err != nil {
		l.book.returned.Add(int64(len(list) - len(t.seen)))
		l.breathe(rng)
	}
}

var errBroken = errors.New("the call broke off")

// readEvents sends rows and counts the results of events, which come in the order of the rows.
func (l *load) readEvents(ctx context.Context, r *replica, t *tally, body []byte, n int) error {
	res, err := l.post(ctx, r, "/classify-category", bytes.NewReader(body))
	if err != nil {
		l.judgeHTTP(t.what, r, 0, err.Error())
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		l.judgeHTTP(t.what, r, res.StatusCode, string(text))
		return errBroken
	}
	for lines := bufio.NewReaderSize(res.Body, 1<<16); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			l.judgeHTTP(t.what, r, 0, err.Error())
			return err
		}
		text, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		if done, err := l.readEvent(t, text, n); done || err != nil {
			return err
		}
	}
}

func (l *load) readEvent(t *tally, text []byte, n int) (done bool, err error) {
	var event struct {
		Results []struct {
			Category string `json:"category"`
		} `json:"results"`
		Kind  string `json:"processing_type"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(text, &event); err != nil {
		l.book.violate("%s: an event cannot be read: %v", t.what, err)
		return true, nil
	}
	switch event.Kind {
	case "complete":
		t.complete(l.book, indexesOf(n))
		return true, nil
	case "error":
		l.book.count("status", "HTTP event: "+strings.SplitN(event.Error, ":", 2)[0])
		return true, errBroken
	}
	for _, result := range event.Results {
		failure := ""
		if result.Category == "ERROR" {
			failure = "ERROR (HTTP)"
		}
		t.add(l.book, int64(len(t.seen)), failure)
	}
	return false, nil
}

// connect classifies one item in plain JSON.
func (l *load) connect(rng *rand.Rand, r *replica) {
	ctx, end := l.within(callTime, "Classify as JSON on "+r.name)
	defer end()
	l.book.accepted.Add(1)
	body := fmt.Sprintf(`{"item": {"productName": %q}, "options": {"cachePolicy": "CACHE_POLICY_BYPASS"}}`, newItems(1)[0].ProductName)
	status, text, err := l.ask(ctx, r, "/credenza.v1.ClassificationService/Classify", strings.NewReader(body))
	switch {
	case err != nil || status != http.StatusOK:
		l.judgeHTTP("Classify as JSON", r, status, text)
		l.book.returned.Add(1)
		l.breathe(rng)
	default:
		l.countJSON(r, text)
	}
}

func (l *load) countJSON(r *replica, text string) {
	var answer struct {
		Result struct {
			Error *struct {
				Reason string `json:"reason"`
			} `json:"error"`
			Classification *struct{} `json:"classification"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		l.book.violate("Classify as JSON on %s: %v: %.300s", r.name, err, text)
		return
	}
	failure := ""
	if e := answer.Result.Error; e != nil {
		failure = e.Reason
	} else if answer.Result.Classification == nil {
		l.book.violate("Classify as JSON on %s has no result: %.300s", r.name, text)
	}
	newTally("Classify as JSON").add(l.book, 0, failure)
}

// ask sends a body and reads the whole answer. A connection that fails is the status 0.
func (l *load) ask(ctx context.Context, r *replica, path string, body io.Reader) (status int, text string, err error) {
	res, err := l.post(ctx, r, path, body)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", err
	}
	return res.StatusCode, string(raw), nil
}

// breakBody sends half of the body of a job.
func (l *load) breakBody(rng *rand.Rand, store string) {
	r, _ := l.any(rng, store)
	ctx, end := l.within(askTime, "a body that breaks off, on "+r.name)
	defer end()
	ctx, cancel := context.WithCancel(ctx)
	var body strings.Builder
	fmt.Fprintf(&body, `{"spec": {"displayName": %q}, "items": [`, brokenName)
	for i := range 1 + rng.IntN(2000) {
		fmt.Fprintf(&body, `{"productName": "half a body %d"},`, i)
	}
	half := io.MultiReader(strings.NewReader(body.String()), breaking{cancel})
	status, text, err := l.ask(ctx, r, "/credenza.v1.JobService/SubmitJob", half)
	if err == nil {
		l.judgeHTTP("a body that breaks off", r, status, text)
	}
	l.book.uploadsBroken.Add(1)
	_ = pause(l.begin, time.Duration(500+rng.IntN(2000))*time.Millisecond)
}

// breaking is a body that calls a function and fails in place of its end.
type breaking struct{ f func() }

// Read implements io.Reader.
func (b breaking) Read([]byte) (int, error) {
	b.f()
	return 0, errBroken
}
