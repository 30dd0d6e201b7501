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

func TestSlots_BoundLargeBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, smallBody+1))
		})
		var held []*Resource
		for i := range largeBodies {
			u, _ := Parse(fmt.Sprintf("http://shop%d.example/", i))
			r, err := client.Fetch(t.Context(), Request{Address: u})
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, r)
		}
		done := make(chan error, 1)
		go func() { done <- getPatiently(t.Context(), client, "http://another.example/") }()
		time.Sleep(time.Hour) // its own time does not count
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

// TestSlots_NotForAnnouncedBodies has one shop for each slot announce a large body
// and send little or nothing of it.
func TestSlots_NotForAnnouncedBodies(t *testing.T) {
	for _, sent := range []int{0, 33 << 10, smallBody - 1} {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			amongOthers(t, largeBodies, 0, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(2*smallBody))
				_, _ = w.Write(make([]byte, sent))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
		})
	}
}

// TestSlots_NotForSilentHosts has as many requests in flight without a response as
// there are slots.
func TestSlots_NotForSilentHosts(t *testing.T) {
	amongOthers(t, usual().Bodies, 0, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// TestSlots_StalledBodyIsGivenUp has each slot taken by a shop that sends a little now and
// then.
func TestSlots_StalledBodyIsGivenUp(t *testing.T) {
	amongOthers(t, largeBodies, stallPeriod, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(2*smallBody))
		_, _ = w.Write(make([]byte, smallBody))
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 1000))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// amongOthers has n shops behave as others does, and then another one send a large
// body, which must arrive after that time.
func amongOthers(t *testing.T, n int, after time.Duration, others http.HandlerFunc) {
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
		time.Sleep(time.Minute) // for the shops to end
	})
}

// TestSlots_SlowLargeBodyArrives has a large body arrive just in time.
func TestSlots_SlowLargeBodyArrives(t *testing.T) {
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

// TestSlots_WaitingBodyIsNotSentAhead has no slot for a large body, and measures how much
// of it an HTTP/2 server sends in the meantime.
func TestSlots_WaitingBodyIsNotSentAhead(t *testing.T) {
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
		// The server has buffers in addition to the window.
		if most := int64(smallBody + streamWindow + 64<<10); sent.Load() > most {
			t.Errorf("%d bytes were sent, want at most %d", sent.Load(), most)
		}
		client.large.Release(largeBodies)
		if err := <-done; err != nil || sent.Load() != config.MaxBytes {
			t.Errorf("%d bytes were sent: %v", sent.Load(), err)
		}
	})
}
