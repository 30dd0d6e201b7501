package llmsim_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestRunEndsItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := testkit.NewSim(t, llmsim.Config{})
		local := testkit.Serve(sim)
		c := clientOf(local.Client, local.URL)
		ended := make(chan error, 30)
		for range cap(ended) {
			go func() {
				_, err := c.ask(params("sim:hang"))
				ended <- err
			}()
		}
		synctest.Wait()
		if got := sim.InFlight(); got != int64(cap(ended)) {
			t.Errorf("%d calls in flight, want %d", got, cap(ended))
		}
		local.Close()
		if got := sim.InFlight(); got != 0 {
			t.Errorf("%d calls in flight after the end", got)
		}
		for range cap(ended) {
			if err := <-ended; err == nil {
				t.Error("a hanging call was answered")
			}
		}
		if _, err := c.ask(params("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestRunReportsItsListener(t *testing.T) {
	pipe := testkit.NewPipe()
	if err := errors.Join(pipe.Close(), pipe.Close()); err != nil {
		t.Fatal(err)
	}
	if err := testkit.NewSim(t, llmsim.Config{}).Run(t.Context(), pipe); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want the listener's error", err)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	pipe := testkit.NewPipe()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pipe.DialContext(ctx, "tcp", "anywhere"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
