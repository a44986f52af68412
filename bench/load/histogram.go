package load

import (
	"math/bits"
	"time"
)

// subBuckets is how finely a power of two is divided: values are right to 1/64.
const subBuckets = 64

// Histogram counts durations in buckets that grow with them. The zero value is empty.
type Histogram struct {
	counts [64 * subBuckets]uint64
	n      uint64
	max    time.Duration
	sum    time.Duration
}

// Add counts d.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(d)]++
	h.n++
	h.sum += d
	h.max = max(h.max, d)
}

// Merge adds the counts of another histogram.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// Count is the number of durations.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest duration.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean is the average; 0 of none.
func (h *Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}

// Quantile returns the duration that a share q of all did not exceed; 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(q * float64(h.n))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// bucket is exact below subBuckets nanoseconds.
func bucket(d time.Duration) int {
	v := uint64(d)
	shift := max(0, bits.Len64(v)-bits.Len64(subBuckets-1)-1)
	return shift*subBuckets + int(v>>shift)
}

// upper is the longest duration of a bucket.
func upper(i int) time.Duration {
	shift := max(0, i/subBuckets-1)
	return time.Duration((uint64(i-shift*subBuckets)+1)<<shift - 1)
}
