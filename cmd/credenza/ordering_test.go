package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// fill puts rows until there is no room, and returns how many there was room for.
func fill(o *ordering, size int) *int {
	n := new(int)
	go func() {
		for o.put(&pendingRow{index: int64(*n), size: size}) {
			*n++
		}
	}()
	synctest.Wait()
	return n
}

func settleOne(o *ordering, index int64) { o.settle([]credenza.Result{{Index: index}}) }

func TestOrdering_OneSlowItemHoldsUpABoundedNumberOfRows(t *testing.T) {
	for name, c := range map[string]struct{ size, want int }{
		"small rows": {100, maxPendingRows},
		"large rows": {1 << 20, maxPendingBytes >> 20},
		"huge rows":  {1 << 30, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOrdering()
				n := fill(o, c.size)
				for i := int64(1); i < int64(*n); i++ { // all but the first are answered, again and again
					settleOne(o, i)
					synctest.Wait()
				}
				if *n != c.want || o.next() != nil {
					t.Errorf("%d rows wait behind the first one, want %d", *n, c.want)
				}
				settleOne(o, 0)
				for i := range c.want {
					if p := o.next(); p == nil || p.index != int64(i) {
						t.Fatalf("row %d: got %+v", i, p)
					}
				}
				o.stop()
			})
		})
	}
}

func TestOrdering_FollowsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdering()
		n := fill(o, 100)
		const least = minLead + usualPool*3/2
		if *n != least {
			t.Errorf("%d rows are asked before the first result", *n)
		}
		for i := range int64(1000) {
			settleOne(o, i)
			for o.next() != nil {
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if o.waiting() != least {
			t.Errorf("at one result a second, %d are asked at once", o.waiting())
		}
		for i := range int64(20_000) {
			settleOne(o, 1000+i)
			for o.next() != nil {
			}
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		if got, want := o.waiting(), 2*3*100; got < want*9/10 || got > want*11/10 {
			t.Errorf("at 100 results a second, %d are asked at once, want about %d", got, want)
		}
		o.stop()
	})
}

func TestOrdering_FollowsTheServicesPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrdering()
		o.setPool(10)
		n := fill(o, 100)
		if *n != minLead+15 {
			t.Errorf("with 10 calls at once, %d rows are asked", *n)
		}
		o.setPool(1000)
		synctest.Wait()
		if *n != minLead+1500 {
			t.Errorf("with 1000 calls at once, %d rows are asked", *n)
		}
		o.stop()
	})
}
