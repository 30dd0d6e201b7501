package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"
)

// aimd is plain additive increase, multiplicative decrease on concurrency (Chiu
// and Jain 1989), as the yardstick: a good answer adds 1/limit, a 429 or a
// failure halves the limit once for each round of calls. Retry-After is
// respected, by the item.
type aimd struct {
	mu       sync.Mutex
	freed    *sync.Cond
	limit    float64
	inFlight int
	cut      time.Time
}

func newAIMD() *aimd {
	a := &aimd{limit: 20}
	a.freed = sync.NewCond(&a.mu)
	return a
}

func (a *aimd) enter() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.inFlight >= int(a.limit) {
		a.freed.Wait()
	}
	a.inFlight++
	return time.Now()
}

func (a *aimd) leave(started time.Time, good bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight--
	switch {
	case good:
		a.limit = min(a.limit+1/a.limit, 256)
	case started.After(a.cut):
		a.limit, a.cut = max(a.limit/2, 1), time.Now()
	}
	a.freed.Broadcast()
}

// playAIMD runs a scenario with the yardstick instead of the service.
func (b *bench) playAIMD(ctx context.Context, s *scenario) *result {
	sim := b.role(ctx, "sim", s.sim)
	defer sim.stop()
	client, keys, gate := asker(sim.addr, 512, option.WithMaxRetries(0)), strings.Split(s.keys, ","), newAIMD()
	p := &result{scenario: s, lost: map[string]int{}, share: []int{0}}
	var wg sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	for i := range s.items {
		wg.Go(func() {
			err := askUntil(ctx, client, gate, keys[i%len(keys)], i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				p.lost["LOST"]++
				return
			}
			p.answered++
		})
	}
	wg.Wait()
	p.elapsed = time.Since(began)
	p.stats = readStats(ctx, sim)
	return p
}

// askUntil asks up to four times, and waits out 429s for two minutes.
func askUntil(ctx context.Context, client *openai.ChatCompletionService, gate *aimd, key string, i int) error {
	deadline := time.Now().Add(2 * time.Minute)
	for tries := 0; ; {
		started := gate.enter()
		err := askPlainly(ctx, client, key, i)
		gate.leave(started, err == nil)
		if err == nil {
			return nil
		}
		wait := 100*time.Millisecond + rand.N(100*time.Millisecond)
		if e, ok := errors.AsType[*openai.Error](err); ok && e.StatusCode == http.StatusTooManyRequests {
			if ms, err := strconv.Atoi(e.Response.Header.Get("retry-after-ms")); err == nil {
				wait = time.Duration(ms) * time.Millisecond
			}
		} else {
			tries++
		}
		if tries == 4 || time.Now().Add(wait).After(deadline) {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func askPlainly(ctx context.Context, client *openai.ChatCompletionService, key string, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	item := question(i)
	_, err := client.New(ctx, openai.ChatCompletionNewParams{
		Model:    "gpt-4o-mini",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(item.ProductName + "\n" + item.Description)},
	}, option.WithAPIKey(key))
	return err
}
