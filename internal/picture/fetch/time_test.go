package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// pipes is a network in memory, for use in a synctest bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inMemory returns a client for which every host is the handler.
func inMemory(t *testing.T, config Config, h http.HandlerFunc) *Client {
	t.Helper()
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	network := &pipes{make(chan net.Conn), make(chan struct{})}
	client.transport.DialContext = network.dial
	server := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(network)
	}()
	t.Cleanup(func() {
		client.Close()
		_ = server.Close()
		<-done
	})
	return client
}

func usual() Config {
	return Config{Timeout: 15 * time.Second, MaxBytes: 1 << 20, Bodies: 16}
}

// getPatiently does what callers of Get do.
func getPatiently(ctx context.Context, c *Client, raw string) error {
	u, err := Parse(raw)
	if err != nil {
		return err
	}
	for {
		r, err := c.Fetch(ctx, Request{Address: u})
		if err == nil {
			r.Close()
		}
		busy, ok := errors.AsType[*Busy](err)
		if !ok {
			return err
		}
		if err := busy.Wait(ctx); err != nil {
			return err
		}
	}
}

func TestBusy_CallersWait(t *testing.T) {
	tests := []struct {
		name       string
		retryAfter string
		times      int // how often it is busy
		want       time.Duration
	}{
		{"in seconds", "30", 1, 30 * time.Second},
		{"by a date", "Sat, 01 Jan 2000 00:00:40 GMT", 1, 40 * time.Second},
		{"twice", "10", 2, 20 * time.Second},
		{"without a word", "", 3, (1 + 2 + 4) * time.Second},
		{"with nonsense", "soon", 1, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
					if asked++; asked <= tt.times {
						w.Header().Set("Retry-After", tt.retryAfter)
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					_, _ = fmt.Fprint(w, "a sofa")
				})
				begin := time.Now()
				if err := getPatiently(t.Context(), client, "http://shop.example/"); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begin); took != tt.want {
					t.Errorf("it took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestBusy_PauseIsForAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var early atomic.Int64
		client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
			if time.Since(begin) < 20*time.Second {
				early.Add(1)
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = fmt.Fprint(w, "a sofa")
		})
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if err := getPatiently(t.Context(), client, fmt.Sprintf("http://shop.example/%d", i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if early.Load() > 4 {
			t.Errorf("it was asked %d times before it was ready, by more than those in flight", early.Load())
		}
	})
}

func TestBusy_LongPauseFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, ctx := range []context.Context{ctx, t.Context()} { // with a deadline, and without one
			err := getPatiently(ctx, client, "http://shop.example/")
			if f := fault.From(err); f.Reason != fault.ImageUnreachable || f.RetryAfter == 0 || !strings.Contains(f.Message, "429") {
				t.Error(err)
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestBusy_FailsBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		err := getPatiently(ctx, client, "http://shop.example/")
		if !fault.Is(err, fault.ImageUnreachable) || ctx.Err() != nil || asked > 10 {
			t.Errorf("after %d attempts: %v", asked, err)
		}
	})
}

// TestTimeout_DoesNotCountQueueing fetches more from a slow shop than its
// connections can transfer within the time for one fetch.
func TestTimeout_DoesNotCountQueueing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(10 * time.Second)
			if r.URL.Path == "/redirect" {
				http.Redirect(w, r, "/slow", http.StatusFound)
				return
			}
			_, _ = fmt.Fprint(w, "a sofa")
		})
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if err := getPatiently(t.Context(), client, fmt.Sprintf("http://shop.example/%d", i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("12 fetches of 10 s over 4 connections took %v", took)
		}
		begin = time.Now()
		err := getPatiently(t.Context(), client, "http://shop.example/redirect")
		if !fault.Is(err, fault.ImageUnreachable) || time.Since(begin) != 15*time.Second {
			t.Errorf("a redirect began the time again: %v after %v", err, time.Since(begin))
		}
		time.Sleep(time.Minute) // for the shop to end
	})
}

func TestRate_SpacesRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := usual()
		config.HostRate = 2
		client := inMemory(t, config, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "a sofa") })
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if err := getPatiently(t.Context(), client, fmt.Sprintf("http://shop%d.example/", i%2)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != 4500*time.Millisecond {
			t.Errorf("10 requests to each of two shops, 2 a second, took %v", took)
		}
	})
}

func TestRate_TurnOfACallerWhoLeftIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := usual()
		config.HostRate = 1
		client := inMemory(t, config, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "a sofa") })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := getPatiently(ctx, client, "http://shop.example/"); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := getPatiently(t.Context(), client, "http://shop.example/"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the second request was sent after %v, 9 having left before", took)
		}
	})
}

// TestRate_TurnsDoNotAccumulate has a shop that hangs while many wait for it, and then
// answers them at once.
func TestRate_TurnsDoNotAccumulate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := usual()
		config.HostRate = 1
		var mu sync.Mutex
		var asked []time.Time
		begin := time.Now()
		client := inMemory(t, config, func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			asked = append(asked, time.Now())
			mu.Unlock()
			time.Sleep(time.Until(begin.Add(12 * time.Second)))
			_, _ = fmt.Fprint(w, "a sofa")
		})
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if err := getPatiently(t.Context(), client, fmt.Sprintf("http://shop.example/%d", i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i := range asked[1:] {
			if gap := asked[i+1].Sub(asked[i]); gap < time.Second {
				t.Errorf("request %d was sent %v after the one before, at 1 a second", i+1, gap)
			}
		}
	})
}

func TestRate_VerySlowRateIsNotUnlimited(t *testing.T) {
	if newHosts(1e-12).interval <= 0 {
		t.Error("a very slow rate became none")
	}
}

// TestGuess_IsGivenUpByThoseWhoQueue has a host that does not answer on port 443.
func TestGuess_IsGivenUpByThoseWhoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), nil)
		client.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(dialTimeout)
			return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
		}
		address, err := Parse("https://shop.example/")
		if err != nil {
			t.Fatal(err)
		}
		guess := func(guessed bool, want time.Duration) {
			begin := time.Now()
			_, err := client.Fetch(t.Context(), Request{Address: address, Guessed: guessed})
			if took := time.Since(begin); !IsUnconnected(err, address) || took != want {
				t.Errorf("%v after %v, want %v", err, took, want)
			}
		}
		var wg sync.WaitGroup
		for range hostConnections {
			wg.Go(func() { guess(true, dialTimeout) })
		}
		synctest.Wait()
		for range 3 * hostConnections {
			wg.Go(func() { guess(true, dialTimeout) })
		}
		client.SetPlain(address) // by a caller that had an answer by http
		wg.Wait()
		guess(true, 0)
		guess(false, dialTimeout)
		time.Sleep(plainTTL)
		guess(true, dialTimeout)
	})
}

func TestHosts_AreForgotten(t *testing.T) {
	hosts := newHosts(0)
	for i := range 3 * maxHosts {
		leave, err := hosts.enter(t.Context(), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if n := len(hosts.byName); n > maxHosts {
		t.Errorf("%d hosts are remembered", n)
	}
}

func TestTransport_UsesNoProxy(t *testing.T) {
	if newTransport(&guard{}).Proxy != nil {
		t.Error("behind a proxy the guard sees the proxy alone")
	}
}
