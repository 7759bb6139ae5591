package measure_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/bench/measure"
)

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("counts what was done", func(t *testing.T) {
		t.Parallel()
		var done atomic.Int64
		s, err := measure.Run(t.Context(), 4, 20*time.Millisecond, func(context.Context) error {
			done.Add(1)
			return nil
		}, os.Getpid())
		if err != nil || int64(s.Ops) != done.Load() || s.Ops == 0 || s.Rate() <= 0 || s.P50 > s.P99 {
			t.Errorf("got %+v and error %v, want %d operations", s, err, done.Load())
		}
	})
	t.Run("ends at the first error", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("broken")
		if _, err := measure.Run(t.Context(), 4, time.Hour, func(context.Context) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("got %v, want the operation's error", err)
		}
	})
	t.Run("a process that is not there cannot be measured", func(t *testing.T) {
		t.Parallel()
		if _, err := measure.Run(t.Context(), 1, time.Millisecond, func(context.Context) error { return nil }, -1); err == nil {
			t.Error("got no error, want one")
		}
	})
}

func TestMedian(t *testing.T) {
	t.Parallel()
	sample := func(ops int) measure.Sample { return measure.Sample{Ops: ops, Elapsed: time.Second} }
	if got := measure.Median([]measure.Sample{sample(9), sample(1), sample(5)}); got.Ops != 5 {
		t.Errorf("got the sample of %d operations, want the one in the middle", got.Ops)
	}
}
