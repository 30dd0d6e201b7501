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
// bodies announce one and send nothing.
func TestPromisedBodiesTakeNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inMemory(t, usual(), func(w http.ResponseWriter, r *http.Request) {
			if r.Host == "shop.example" {
				_, _ = w.Write(make([]byte, smallBody+1))
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(smallBody+1))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		var wg sync.WaitGroup
		for i := range largeBodies {
			wg.Go(func() {
				err := getPatiently(t.Context(), client, fmt.Sprintf("http://shop%d.example/", i))
				if !fault.Is(err, fault.ImageUnreachable) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		begin := time.Now()
		if err := getPatiently(t.Context(), client, "http://shop.example/"); err != nil || time.Since(begin) != 0 {
			t.Errorf("a body that came waited %v for those that did not: %v", time.Since(begin), err)
		}
		wg.Wait()
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
