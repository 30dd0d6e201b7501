package llm

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Spans records what a question's time is spent on, for the trace that its context is in. Its
// methods are called from many goroutines and must not block.
type Spans interface {
	// Records reports whether anything is recorded for the context.
	Records(ctx context.Context) bool
	// Queued is called when a wait for a turn has ended.
	Queued(ctx context.Context, since time.Time, err error)
	// Called is called for each call to the model that has ended.
	Called(ctx context.Context, call *catalog.ModelCall)
}

// queued records a wait for a turn.
func (a *asking) queued(ctx context.Context, since time.Time, err error) {
	if a.config.Spans != nil {
		a.config.Spans.Queued(ctx, since, err)
	}
}

// called records a call to the model and what came of it.
func (a *asking) called(ctx context.Context, c *call, end *outcome) {
	if a.config.Spans == nil || !a.config.Spans.Records(ctx) {
		return
	}
	made := catalog.ModelCall{
		Began: c.began, Ended: c.ended, Attempt: c.number, Group: c.lease.Group(),
		Provider: a.at.dialect.settings.Provider, Model: a.at.site.id.model,
		Status: c.res.status, Usage: end.result.Usage, Err: end.fault, Question: a.user,
	}
	if a.form.terms.Limit != noLimit {
		made.MaxTokens = a.form.room
	}
	made.Host, made.Port = hostOf(a.at.site.address(a.form.terms))
	if end.completed {
		about := gjson.GetMany(c.res.body, "model", "id", "choices.0.finish_reason", "choices.0.message.content")
		made.ResponseModel, made.ResponseID, made.Finish = shortText(about[0]), shortText(about[1]), shortText(about[2])
		made.Answer = about[3].String()
	}
	a.config.Spans.Called(ctx, &made)
}

// maxNamed bounds what an answer says of itself.
const maxNamed = 256

// shortText returns a text's beginning, which does not keep the whole answer in memory for as long
// as the span waits for the collector.
func shortText(r gjson.Result) string { return strings.Clone(catalog.Clip(r.String(), maxNamed)) }

// hostOf returns an address's host and port, and nothing else of it, which may be secret.
func hostOf(address string) (host string, port int) {
	u, err := url.Parse(address)
	if err != nil {
		return "", 0
	}
	if port, err = strconv.Atoi(u.Port()); err != nil {
		port = map[string]int{"https": 443, "http": 80}[u.Scheme]
	}
	return u.Hostname(), port
}
