package upstream

import (
	"math/rand/v2"
	"time"
)

// random draws the random parts of a group's delays. It is used with the gate locked.
type random struct{ *rand.Rand }

func newRandom(seed, group uint64) random { return random{rand.New(rand.NewPCG(seed, group))} }

// upTo returns a random time from 0 to d.
func (r random) upTo(d time.Duration) time.Duration {
	return time.Duration(r.Float64() * float64(d))
}
