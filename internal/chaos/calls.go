package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// callTime is the deadline of calls that classify, and askTime that of all others.
const (
	callTime = 40 * time.Second
	askTime  = 15 * time.Second
)

// options of calls: mostly uncached, because what is paid twice then shows.
func callOptions(rng *rand.Rand) credenza.Options {
	o := credenza.Options{Mode: credenza.Text, Cache: credenza.CacheBypass, InOrder: rng.IntN(3) == 0, BatchSize: 1 + rng.IntN(20)}
	if rng.IntN(4) == 0 {
		o.Cache = credenza.CacheUse
	}
	return o
}

// stream classifies a list.
func (l *load) stream(rng *rand.Rand, r *replica) {
	list := newItems(20 + rng.IntN(60))
	ctx, end := l.within(callTime, "ClassifyStream on "+r.name)
	defer end()
	l.follow(ctx, rng, "ClassifyStream", r, l.clients[r].ClassifyStream(ctx, list, callOptions(rng)), len(list))
}

// feed does the same with items that come one after the other.
func (l *load) feed(rng *rand.Rand, r *replica) {
	list := newItems(20 + rng.IntN(60))
	ctx, end := l.within(callTime, "ClassifyFeed on "+r.name)
	defer end()
	slow := func(yield func(credenza.Item) bool) {
		for i, item := range list {
			if i%10 == 9 {
				_ = pause(ctx, 50*time.Millisecond)
			}
			if !yield(item) {
				return
			}
		}
	}
	l.follow(ctx, rng, "ClassifyFeed", r, l.clients[r].Feed(ctx, slow, callOptions(rng)), len(list))
}

// follow reads a call to its end and checks what came.
func (l *load) follow(ctx context.Context, rng *rand.Rand, what string, r *replica, s *credenza.Stream, n int) {
	l.book.accepted.Add(int64(n))
	t := newTally(what + " on " + r.name)
	slow := rng.IntN(10) == 0
	for batch, err := range s.Batches() {
		if err != nil {
			l.judge(what, r, err)
			l.book.returned.Add(int64(n - len(t.seen)))
			l.breathe(rng)
			return
		}
		t.addAll(l.book, batch.Results)
		if slow {
			_ = pause(ctx, 300*time.Millisecond)
		}
	}
	t.complete(l.book, indexesOf(n))
	if s.Summary().Total != int64(n) {
		l.book.violate("%s: the summary counts %d of %d items", t.what, s.Summary().Total, n)
	}
}

// leave begins a call and leaves it early, by the loop or by its context.
func (l *load) leave(rng *rand.Rand, r *replica) {
	list := newItems(20 + rng.IntN(60))
	t := newTally("a call that is left early, on " + r.name)
	ctx, end := l.within(callTime, t.what)
	defer end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.book.accepted.Add(int64(len(list)))
	if rng.IntN(2) == 0 {
		time.AfterFunc(time.Duration(rng.IntN(1500))*time.Millisecond, cancel)
	}
	after := rng.IntN(len(list))
	for batch, err := range l.clients[r].ClassifyStream(ctx, list, callOptions(rng)).Batches() {
		if err != nil {
			l.judge(t.what, r, err)
			break
		}
		t.addAll(l.book, batch.Results)
		if len(t.seen) > after {
			break
		}
	}
	l.book.returned.Add(int64(len(list) - len(t.seen)))
	l.breathe(rng)
}

// unary classifies one item.
func (l *load) unary(rng *rand.Rand, r *replica) {
	ctx, end := l.within(callTime, "Classify on "+r.name)
	defer end()
	l.book.accepted.Add(1)
	result, err := l.clients[r].Classify(ctx, newItems(1)[0], callOptions(rng))
	if err != nil {
		l.judge("Classify", r, err)
		l.book.returned.Add(1)
		l.breathe(rng)
		return
	}
	newTally("Classify").add(l.book, 0, failureOf(&result))
}

// operate asks for the state of a server.
func (l *load) operate(rng *rand.Rand, r *replica) {
	ctx, end := l.within(askTime, "GetStatus on "+r.name)
	_, err := l.clients[r].Status(ctx)
	end()
	if err != nil {
		l.judge("GetStatus", r, err)
	}
	_ = pause(l.begin, time.Duration(500+rng.IntN(1000))*time.Millisecond)
}

// list lists jobs, a few on a page.
func (l *load) list(rng *rand.Rand, store string) {
	r, c := l.any(rng, store)
	ctx, end := l.within(askTime, "ListJobs on "+r.name)
	seen := map[string]bool{}
	for job, err := range c.Jobs(ctx, credenza.JobQuery{PageSize: 2}) {
		if err != nil {
			l.judge("ListJobs", r, err)
			break
		}
		if seen[job.ID] {
			l.book.violate("ListJobs on %s shows job %s twice", r.name, job.ID)
		}
		seen[job.ID] = true
	}
	end()
	_ = pause(l.begin, time.Duration(300+rng.IntN(1000))*time.Millisecond)
}

// breakUpload begins an upload and breaks it off, so that no job may come of it.
func (l *load) breakUpload(rng *rand.Rand, store string) {
	r, c := l.any(rng, store)
	ctx, end := l.within(callTime, "an upload that breaks off, on "+r.name)
	defer end()
	ctx, cancel := context.WithCancel(ctx)
	n, cut := 0, 1+rng.IntN(3000)
	endless := func(yield func(credenza.Item) bool) {
		for n < cut && yield(credenza.Item{ProductName: fmt.Sprint("half a catalogue ", n)}) {
			n++
		}
		cancel()
	}
	job, err := c.CreateJob(ctx, endless, credenza.JobSpec{Name: brokenName})
	if err == nil {
		l.book.violate("an upload that broke off became job %s on %s", job.ID, r.name)
	} else {
		l.judge("an upload that breaks off", r, err)
	}
	l.book.uploadsBroken.Add(1)
	_ = pause(l.begin, time.Duration(500+rng.IntN(2000))*time.Millisecond)
}

// brokenName is the name of uploads of which no job may come.
const brokenName = "broken off"
