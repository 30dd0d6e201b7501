package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

// fault is one kind of fault. Begin returns the function that ends it, or false if its target
// has another fault.
type fault struct {
	name     string
	lasts    span
	begin    func(s *storm, ctx context.Context) (end func(), ok bool)
	notShort bool // too long for a short run
}

// span is a range of times.
type span struct{ least, most time.Duration }

func (s span) random(rng *rand.Rand) time.Duration {
	return s.least + time.Duration(rng.Int64N(int64(s.most-s.least)+1))
}

var (
	brief = span{500 * time.Millisecond, 3 * time.Second}
	usual = span{time.Second, 6 * time.Second}
	long  = span{12 * time.Second, 20 * time.Second} // until clients hardly try any more, and calls are given up
)

// toxics are the faults of links, by toxiproxy's names: what they do to either direction.
var toxics = []struct {
	name, kind string
	lasts      span
	attributes func(rng *rand.Rand) map[string]int
}{
	{"latency", "latency", usual, func(rng *rand.Rand) map[string]int {
		return map[string]int{"latency": 50 + rng.IntN(1000), "jitter": rng.IntN(300)}
	}},
	{"bandwidth", "bandwidth", usual, func(rng *rand.Rand) map[string]int { return map[string]int{"rate": 4 + rng.IntN(60)} }},
	{"slicing", "slicer", usual, func(rng *rand.Rand) map[string]int {
		return map[string]int{"average_size": 16 + rng.IntN(100), "size_variation": 8, "delay": rng.IntN(2000)}
	}},
	{"loss, then the end of the connection", "timeout", usual, func(rng *rand.Rand) map[string]int {
		return map[string]int{"timeout": 200 + rng.IntN(3000)}
	}},
	{"cut after some data", "limit_data", brief, func(rng *rand.Rand) map[string]int { return map[string]int{"bytes": 100 + rng.IntN(40_000)} }},
	{"reset", "reset_peer", brief, func(rng *rand.Rand) map[string]int { return map[string]int{"timeout": rng.IntN(1000)} }},
	{"half-open", "timeout", usual, func(*rand.Rand) map[string]int { return map[string]int{"timeout": 0} }},
	{"long half-open", "timeout", long, func(*rand.Rand) map[string]int { return map[string]int{"timeout": 0} }},
}

// faultsOf are all kinds of faults that can be played here.
func faultsOf(w *world) (all []fault) {
	for _, t := range toxics {
		all = append(all, fault{
			name: t.name, lasts: t.lasts, notShort: t.lasts == long,
			begin: func(s *storm, _ context.Context) (func(), bool) { return s.poison(t.kind, t.attributes(s.rng)) },
		})
	}
	all = append(
		all,
		fault{name: "refused connections", lasts: brief, begin: (*storm).refuseLink},
		fault{name: "replica killed", lasts: brief, begin: endReplica(syscall.SIGKILL)},
		fault{name: "replica killed, and away for long", lasts: long, notShort: true, begin: endReplica(syscall.SIGKILL)},
		fault{name: "replica terminated", lasts: brief, begin: endReplica(syscall.SIGTERM)},
		fault{name: "replica stopped", lasts: usual, begin: func(s *storm, _ context.Context) (func(), bool) { return stopProcess(s.replica().process) }},
		fault{name: "crowd of idle connections", lasts: usual, begin: (*storm).crowd},
		fault{name: "NATS killed", lasts: brief, begin: endNATS(syscall.SIGKILL)},
		fault{name: "NATS terminated", lasts: brief, begin: endNATS(syscall.SIGTERM)},
		fault{name: "NATS stopped", lasts: usual, begin: func(s *storm, _ context.Context) (func(), bool) { return stopProcess(s.nats) }},
		fault{name: "model stopped", lasts: usual, begin: func(s *storm, _ context.Context) (func(), bool) { return stopProcess(s.model) }},
		fault{name: "certificates replaced", lasts: brief, begin: (*storm).replaceCertificates},
		fault{name: "token replaced", lasts: brief, begin: (*storm).replaceToken},
		fault{name: "token file unreadable", lasts: brief, begin: (*storm).spoilTokens},
	)
	if w.disk.mounted && w.natsDisk.mounted {
		all = append(all, fault{name: "disk full", lasts: usual, begin: (*storm).fillDisk},
			fault{name: "NATS's disk full", lasts: usual, begin: (*storm).fillNATS})
	} else {
		w.book.say("no disk will be full: nothing can be mounted here")
	}
	return all
}

// storm plays faults.
type storm struct {
	*world
	rng     *rand.Rand
	kinds   []fault
	deck    []fault // those that come next, so that each kind comes
	running sync.WaitGroup
	disks   sync.Mutex
}

// atOnce is how many faults there are at once.
const atOnce = 4

func newStorm(w *world, short bool) *storm {
	s := &storm{world: w, rng: rand.New(rand.NewPCG(w.seed, 0))}
	for _, f := range faultsOf(w) {
		if !short || !f.notShort {
			s.kinds = append(s.kinds, f)
		}
	}
	return s
}

// blow plays faults for a time and returns when all have ended.
func (s *storm) blow(ctx context.Context, d time.Duration) {
	until := time.Now().Add(d)
	places := make(chan struct{}, atOnce)
	for time.Now().Before(until) && ctx.Err() == nil {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		s.one(ctx, func() { <-places })
		_ = pause(ctx, time.Duration(200+s.rng.IntN(1000))*time.Millisecond)
	}
	s.running.Wait()
}

// one begins the next fault of the deck, and calls done at its end.
func (s *storm) one(ctx context.Context, done func()) {
	if len(s.deck) == 0 {
		s.deck = append(s.deck, s.kinds...)
		s.rng.Shuffle(len(s.deck), func(i, j int) { s.deck[i], s.deck[j] = s.deck[j], s.deck[i] })
	}
	f := s.deck[0]
	s.deck = s.deck[1:]
	lasts := f.lasts.random(s.rng)
	end, ok := f.begin(s, ctx)
	if !ok {
		done()
		return
	}
	s.book.count("fault", f.name)
	s.running.Go(func() {
		defer done()
		_ = pause(ctx, lasts)
		end()
	})
}

// poison adds a fault of toxiproxy to a random link, in a random direction.
func (s *storm) poison(kind string, attributes map[string]int) (end func(), ok bool) {
	l := s.links[s.rng.IntN(len(s.links))]
	stream := [2]string{"upstream", "downstream"}[s.rng.IntN(2)]
	if !l.take() {
		return nil, false
	}
	remove, err := l.add(kind, stream, attributes)
	if !s.book.check("the fault cannot be played", err) {
		l.release()
		return nil, false
	}
	return func() {
		remove()
		l.release()
	}, true
}

func (s *storm) refuseLink(context.Context) (end func(), ok bool) {
	l := s.links[s.rng.IntN(len(s.links))]
	if !l.take() {
		return nil, false
	}
	l.proxy.Stop() // closes all its connections
	return func() {
		s.book.check("the link cannot be opened again", l.proxy.Start())
		l.release()
	}, true
}
