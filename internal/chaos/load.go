package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// dial returns a client of an address, with the token that is valid at the time of each call.
func (w *world) dial(address string) (*credenza.Client, error) {
	return credenza.Dial(address, credenza.WithTLS(w.authority.client()),
		credenza.WithDialOptions(grpc.WithPerRPCCredentials(w.tokens)))
}

// load is clients of all kinds at work. Each actor does one thing after the other.
type load struct {
	*world
	clients map[*replica]*credenza.Client
	web     *http.Client
	begin   context.Context //nolint:containedctx // begins no further work once it has ended
	actors  sync.WaitGroup
	brief   bool // no large jobs, whose end would be waited for
}

// items numbers all items, so that no two are equal.
var items atomic.Int64

// newLoad starts clients that work until stop, and the jobs that they began until their ends.
func newLoad(ctx context.Context, w *world, brief bool) (*load, error) {
	l := &load{world: w, brief: brief, clients: map[*replica]*credenza.Client{}, begin: ctx}
	l.web = &http.Client{Transport: &http.Transport{TLSClientConfig: w.authority.client(), MaxIdleConnsPerHost: 8}}
	for _, r := range w.replicas {
		c, err := w.dial(r.grpc.address())
		if err != nil {
			return nil, err
		}
		l.clients[r] = c
	}
	return l, nil
}

// start runs all actors. Those of calls are on every replica, because a replica that is away
// must not take the load from the others.
func (l *load) start() {
	for _, r := range l.replicas {
		for _, act := range []func(*rand.Rand, *replica){
			l.stream, l.stream, l.feed, l.leave, l.unary, l.unary, l.compatible, l.connect, l.operate,
		} {
			l.act(func(rng *rand.Rand) { act(rng, r) })
		}
	}
	for _, store := range []string{"NATS", "NATS", "NATS", "NATS", "disk", "disk"} {
		l.act(func(rng *rand.Rand) { l.job(rng, store) })
	}
	for _, store := range []string{"NATS", "disk"} {
		l.act(func(rng *rand.Rand) { l.breakUpload(rng, store) })
		l.act(func(rng *rand.Rand) { l.breakBody(rng, store) })
		l.act(func(rng *rand.Rand) { l.list(rng, store) })
	}
}

var actors atomic.Uint64

func (l *load) act(once func(*rand.Rand)) {
	rng := rand.New(rand.NewPCG(l.seed, actors.Add(1)))
	l.actors.Go(func() {
		for l.begin.Err() == nil {
			once(rng)
		}
	})
}

// wait waits until all actors have ended, and closes the connections.
func (l *load) wait(ctx context.Context, patience time.Duration) error {
	ended := make(chan struct{})
	go func() {
		l.actors.Wait()
		close(ended)
	}()
	defer l.close()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(patience):
		return fmt.Errorf("calls or jobs have not ended %v after the last fault", patience)
	}
}

func (l *load) close() {
	for _, c := range l.clients {
		_ = c.Close() // calls in flight were reported already
	}
	l.web.CloseIdleConnections()
}

// any returns one of the replicas with a store, and its client.
func (l *load) any(rng *rand.Rand, store string) (*replica, *credenza.Client) {
	all := l.sharing(store)
	r := all[rng.IntN(len(all))]
	return r, l.clients[r]
}

// within returns the context of a call that has to end in a time, and the function for its end.
func (l *load) within(d time.Duration, what string) (ctx context.Context, end func()) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	ended := l.book.begin(what, time.Now().Add(d))
	return ctx, func() {
		ended()
		cancel()
	}
}

// newItems returns items that all differ from any before.
func newItems(n int) []credenza.Item {
	list := make([]credenza.Item, n)
	for i := range list {
		number := items.Add(1)
		list[i] = credenza.Item{
			ID: fmt.Sprint(i), ProductName: fmt.Sprintf("Lounge chair %d", number),
			Description: "Solid oak frame with a woven seat, oiled by hand.",
		}
	}
	return list
}

func indexesOf(n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i)
	}
	return all
}

// failureOf is the reason of an item's error, empty if it has none.
func failureOf(r *credenza.Result) string {
	if r.Err == nil {
		return ""
	}
	return string(r.Err.Reason)
}

// passing are the codes with which a call may end while faults are played.
var passing = map[credenza.Code]bool{
	credenza.CodeUnavailable: true, credenza.CodeDeadlineExceeded: true, credenza.CodeCancelled: true,
	credenza.CodeResourceExhausted: true,
}

// judge counts how a call ended, and reports an end that no fault explains.
func (l *load) judge(what string, r *replica, err error) {
	e := asError(err)
	if e == nil {
		l.book.violate("%s on %s: an error of another type: %v", what, r.name, err)
		return
	}
	name := string(e.Code)
	if e.Reason != "" {
		name += " " + string(e.Reason)
	}
	l.book.count("status", name)
	if passing[e.Code] || e.Code == credenza.CodeUnauthenticated && !l.tokens.settled() {
		return
	}
	l.book.violate("%s on %s ended with %v", what, r.name, e)
}

// breathe waits a little after a failure, so that a replica that is away is not asked all the time.
func (l *load) breathe(rng *rand.Rand) {
	_ = pause(l.begin, time.Duration(200+rng.IntN(600))*time.Millisecond)
}
