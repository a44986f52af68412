package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBuckets: every duration is in a bucket that ends at it or up to 1/64 above it.
func TestBuckets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		d := time.Duration(r.Int64() >> r.IntN(63))
		i := bucket(d)
		if up := upper(i); up < d || float64(up-d) > float64(d)/subBuckets {
			t.Fatalf("%d is in bucket %d, which ends at %d", d, i, up)
		}
	}
	if i := bucket(math.MaxInt64); i >= len(Histogram{}.counts) {
		t.Errorf("the longest duration is in bucket %d", i)
	}
}

func TestHistogram(t *testing.T) {
	var one, other, empty Histogram
	var all []time.Duration
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 10_000 {
		d := time.Duration(r.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		if i%3 == 0 {
			one.Add(d)
		} else {
			other.Add(d)
		}
	}
	one.Merge(&other)
	slices.Sort(all)
	if one.Count() != 10_000 || one.Max() != all[len(all)-1] {
		t.Errorf("%d durations up to %v", one.Count(), one.Max())
	}
	for _, q := range []float64{0, 0.5, 0.99, 0.999} {
		want := all[int(q*float64(len(all)))]
		if got := one.Quantile(q); got < want || float64(got-want) > float64(want)/subBuckets+1 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if one.Quantile(1) != one.Max() || empty.Quantile(0.5) != 0 {
		t.Error("the ends are wrong")
	}
}
