package jobs

import (
	"context"
	"sync"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
)

// events sends the events of a job to a reader, one at a time: results as they are
// read, and notices of outages between them.
type events struct {
	send func(catalog.JobEvent) error

	mu      sync.Mutex
	token   string // of the last event
	over    bool   // the summary was sent
	notices *classify.Notices
}

func (s *Service) newEvents(rec *jobRecord, from resume, send func(catalog.JobEvent) error) *events {
	e := &events{send: send, token: from.token()}
	look := func() (*catalog.Outage, <-chan struct{}) { return s.engine.Outage(rec.Options.Model) }
	e.notices = classify.NewNotices(look, func(n catalog.Notice) error {
		return e.send(catalog.JobEvent{Notice: &n, Token: e.token})
	})
	if rec.State.Ended() { // nothing holds it up
		e.notices = classify.NewNotices(look, nil)
	}
	return e
}

// next sends an event. It sends none after the summary.
func (e *events) next(event catalog.JobEvent) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over = event.Summary != nil; e.over {
		if err := e.notices.Update(); err != nil {
			return err
		}
	}
	e.token = event.Token
	return e.send(event)
}

// follow sends notices until ctx ends. It stops the watch if the reader is gone.
func (e *events) follow(ctx context.Context, stop context.CancelCauseFunc) {
	for ctx.Err() == nil {
		changed, err := e.update()
		if err != nil {
			stop(err)
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func (e *events) update() (changed <-chan struct{}, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return nil, nil
	}
	err = e.notices.Update()
	return e.notices.Changed(), err
}
