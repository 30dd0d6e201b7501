package fetch

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

func TestLargeBodiesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, smallBody+1))
		})
		var held []*Resource
		for i := range largeBodies {
			u, _ := Parse(fmt.Sprintf("http://shop%d.example/", i))
			r, err := client.Get(t.Context(), u, Validators{})
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, r)
		}
		done := make(chan error, 1)
		go func() { done <- getPatiently(t.Context(), client, "http://another.example/") }()
		time.Sleep(time.Hour) // its own time stands still meanwhile
		select {
		case err := <-done:
			t.Fatal("one large body more was read:", err)
		default:
		}
		held[0].Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, r := range held[1:] {
			r.Close()
		}
	})
}

// TestPromisedBodiesTakeNoPlace has as many shops as there are places for large
// bodies announce one, and send little or nothing of it.
func TestPromisedBodiesTakeNoPlace(t *testing.T) {
	for _, sent := range []int{0, 33 << 10, smallBody - 1} {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			besideOthers(t, largeBodies, 0, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(2*smallBody))
				_, _ = w.Write(make([]byte, sent))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
		})
	}
}

// TestSilentHostsTakeNoPlace has more requests under way without an answer than
// there are places.
func TestSilentHostsTakeNoPlace(t *testing.T) {
	besideOthers(t, usual().Bodies, 0, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// TestLargeBodiesThatStopLoseTheirPlace has each place taken by a shop that sends
// a little now and then.
func TestLargeBodiesThatStopLoseTheirPlace(t *testing.T) {
	besideOthers(t, largeBodies, stallPeriod, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(2*smallBody))
		_, _ = w.Write(make([]byte, smallBody))
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 1000))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// besideOthers has so many shops do as others do, and then another one send a
// large body, which must come after so long.
func besideOthers(t *testing.T, n int, after time.Duration, others http.HandlerFunc) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "shop.example" {
				others(w, r)
				return
			}
			_, _ = w.Write(make([]byte, smallBody+1))
		})
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				err := getPatiently(t.Context(), client, fmt.Sprintf("http://shop%d.example/", i))
				if !fault.Is(err, fault.ImageUnreachable) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		begin := time.Now()
		if err := getPatiently(t.Context(), client, "http://shop.example/"); err != nil || time.Since(begin) != after {
			t.Errorf("a body that came waited %v for those that did not: %v", time.Since(begin), err)
		}
		wg.Wait()
		time.Sleep(time.Minute) // the shops finish what nobody waits for
	})
}

// TestLargeBodyMayComeSlowly has one that is just whole in time.
func TestLargeBodyMayComeSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parts = 14
		client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
			for range parts {
				_, _ = w.Write(make([]byte, 2*smallBody/parts))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		})
		if err := getPatiently(t.Context(), client, "http://shop.example/"); err != nil {
			t.Error(err)
		}
	})
}

// TestWaitingBodiesAreNotSentAhead has no place for a large body, and looks at
// how much of it an HTTP/2 server gets rid of meanwhile.
func TestWaitingBodiesAreNotSentAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const block = 16 << 10
		var sent atomic.Int64
		config := usual()
		config.MaxBytes = 8 << 20
		client := inMemory(t, config, func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				t.Error("it is asked by", r.Proto)
			}
			for range config.MaxBytes / block {
				if _, err := w.Write(make([]byte, block)); err != nil {
					return
				}
				sent.Add(block)
			}
		})
		client.transport.Protocols = new(http.Protocols)
		client.transport.Protocols.SetUnencryptedHTTP2(true)
		if err := client.large.Acquire(t.Context(), largeBodies); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- getPatiently(t.Context(), client, "http://shop.example/") }()
		synctest.Wait()
		// Beside the window, the server has buffers of its own.
		if most := int64(smallBody + streamWindow + 64<<10); sent.Load() > most {
			t.Errorf("%d bytes were sent, want at most %d", sent.Load(), most)
		}
		client.large.Release(largeBodies)
		if err := <-done; err != nil || sent.Load() != config.MaxBytes {
			t.Errorf("%d bytes were sent: %v", sent.Load(), err)
		}
	})
}
