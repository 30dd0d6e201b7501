package drain_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func enter(t *testing.T, c *drain.Calls, class drain.Class) (context.Context, func()) {
	t.Helper()
	ctx, leave, err := c.Enter(context.Background(), class)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, leave
}

func TestCalls_Close(t *testing.T) {
	c := drain.New()
	if c.Closed() {
		t.Error("closed at the beginning")
	}
	c.Close()
	for class, refused := range map[drain.Class]bool{drain.Finite: true, drain.Endless: true, drain.Auxiliary: false} {
		_, leave, err := c.Enter(context.Background(), class)
		if fault.Is(err, fault.ShuttingDown) != refused {
			t.Errorf("class %d: %v", class, err)
		}
		if leave != nil {
			leave()
		}
	}
	if !c.Closed() {
		t.Error("not closed")
	}
	c.End(drain.Auxiliary)
	if _, _, err := c.Enter(context.Background(), drain.Auxiliary); !fault.Is(err, fault.ShuttingDown) {
		t.Errorf("an auxiliary call after the end: %v", err)
	}
}

func TestCalls_Wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := drain.New()
		_, leaveFirst := enter(t, c, drain.Finite)
		_, leaveSecond := enter(t, c, drain.Finite)
		endless, leaveEndless := enter(t, c, drain.Endless)
		time.AfterFunc(time.Second, leaveFirst)
		time.AfterFunc(3*time.Second, leaveSecond)

		c.Close()
		c.End(drain.Endless)
		if !fault.Is(context.Cause(endless), fault.ShuttingDown) {
			t.Errorf("the endless call has the cause %v", context.Cause(endless))
		}
		short, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := c.Wait(short); err == nil || !strings.HasPrefix(err.Error(), "1 call had to be cut off") || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after 2 s: %v", err)
		}
		began := time.Now()
		if err := c.Wait(context.Background()); err != nil || time.Since(began) != time.Second {
			t.Errorf("after 3 s: %v, %v", err, time.Since(began))
		}
		time.AfterFunc(time.Second, leaveEndless)
		c.WaitAll()
		if time.Since(began) != 2*time.Second {
			t.Errorf("the endless call was waited for %v", time.Since(began))
		}
	})
}

func TestCalls_Around(t *testing.T) {
	c := drain.New()
	left := c.Around(context.Background(), drain.Finite, func(ctx context.Context) error {
		c.End(drain.Finite)
		<-ctx.Done()
		return ctx.Err()
	})
	if !fault.Is(left, fault.ShuttingDown) {
		t.Errorf("a call that was ended failed with %v", left)
	}
	if err := c.Around(context.Background(), drain.Finite, nil); !fault.Is(err, fault.ShuttingDown) {
		t.Errorf("a new call failed with %v", err)
	}
}

// An answer must not be touched once its handler has returned.
func TestCalls_EndAfterLeave(t *testing.T) {
	c := drain.New()
	leave, err := c.EnterWith(drain.Finite, func(error) { t.Error("a call that has left was ended") })
	if err != nil {
		t.Fatal(err)
	}
	leave()
	c.End(drain.Finite)
	c.WaitAll()
}

func TestExplain(t *testing.T) {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(drain.ShuttingDown())
	other := errors.New("other")
	for _, tt := range []struct {
		ctx  context.Context //nolint:containedctx // a row of a table
		err  error
		want error
	}{
		{ended, context.Canceled, context.Cause(ended)},
		{ended, other, other},
		{ended, nil, nil},
		{context.Background(), context.Canceled, context.Canceled},
	} {
		if got := drain.Explain(tt.ctx, tt.err); !errors.Is(got, tt.want) || (got == nil) != (tt.want == nil) {
			t.Errorf("%v: got %v", tt.err, got)
		}
	}
}
