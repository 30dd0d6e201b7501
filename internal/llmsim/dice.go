package llmsim

import (
	"math"
	"time"
)

// dice is a random sequence in one word: splitmix64 (Steele, Lea and Flood,
// "Fast splittable pseudorandom number generators", 2014). One is made for each
// call, so that calls share no state and no lock.
type dice uint64

// newDice returns the sequence of the nth call under a seed.
func newDice(seed, n uint64) dice {
	d := dice(seed)
	return dice(d.next() ^ n*0x9e3779b97f4a7c15)
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// float returns a number in [0, 1).
func (d *dice) float() float64 { return float64(d.next()>>11) / (1 << 53) }

// below returns a whole number in [0, n), and 0 where n is not positive.
func (d *dice) below(n int) int {
	if n <= 0 {
		return 0
	}
	return int(d.next() % uint64(n))
}

// normal returns a number from the standard normal distribution, by Box and
// Muller's transform.
func (d *dice) normal() float64 {
	u := 1 - d.float() // in (0, 1]: its logarithm is finite
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*d.float())
}

// draw returns one latency. It uses the dice even where Sigma is 0, so that a
// mishap does not depend on the distribution.
func (l Latency) draw(d *dice) time.Duration {
	n := d.normal()
	t := time.Duration(min(float64(l.Median)*math.Exp(l.Sigma*n), float64(math.MaxInt64/2)))
	if l.Cap > 0 {
		t = min(t, l.Cap)
	}
	return t
}
