package meter

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// The buckets of a histogram: the first holds what took up to first, each
// further one twice as much, the last everything else. 65 µs to 69 s.
const (
	shift   = 16 // first is 1<<shift nanoseconds
	buckets = 22
)

// Bounds lists the upper bounds of the buckets, all but the last one's, which has none.
func Bounds() []time.Duration {
	list := make([]time.Duration, buckets-1)
	for i := range list {
		list[i] = 1 << (shift + i)
	}
	return list
}

// histogram counts how long things took. Its methods may be called at once.
type histogram struct {
	counts [buckets]atomic.Uint64
	sum    atomic.Int64
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	if d > 1<<shift {
		i = min(bits.Len64(uint64(d-1))-shift, buckets-1)
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Histogram is how long things took: how many fell into each bucket, and how
// long they took together.
type Histogram struct {
	Counts []uint64 // by bucket, the unbounded one last
	Sum    time.Duration
}

// Total returns how many there were.
func (h Histogram) Total() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

func (h *histogram) read() Histogram {
	r := Histogram{Counts: make([]uint64, buckets)}
	for i := range h.counts {
		r.Counts[i] = h.counts[i].Load()
	}
	r.Sum = time.Duration(h.sum.Load())
	return r
}
