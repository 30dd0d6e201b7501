package llmsim

import (
	"math/bits"
	"time"
)

// histogram has 64 buckets for each doubling, so that a bucket's middle is
// within 1 % of its members.
type histogram struct {
	buckets [64 * 64]uint32
	n       int64
	sum     time.Duration
	max     time.Duration
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.n++
	h.sum += d
	h.max = max(h.max, d)
	h.buckets[bucketOf(uint64(d))]++
}

// bucketOf puts the number's highest bit and the six below it into an index.
func bucketOf(v uint64) int {
	shift := max(bits.Len64(v)-7, 0)
	return shift<<6 + int(v>>shift)
}

// middle is the middle of a bucket.
func middle(bucket int) uint64 {
	if bucket < 128 {
		return uint64(bucket)
	}
	shift := bucket>>6 - 1
	return uint64(bucket&63+64)<<shift + 1<<shift/2
}

func (h *histogram) report() Latencies {
	if h.n == 0 {
		return Latencies{}
	}
	return Latencies{
		Count: h.n, Mean: h.sum / time.Duration(h.n), Max: h.max,
		P25: h.quantile(0.25), P50: h.quantile(0.5), P90: h.quantile(0.9), P99: h.quantile(0.99),
	}
}

func (h *histogram) quantile(q float64) time.Duration {
	left := int64(q * float64(h.n))
	for i, n := range h.buckets {
		if left -= int64(n); left < 0 {
			return min(time.Duration(middle(i)), h.max)
		}
	}
	return h.max
}
