package hmgserver

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/app/meter"
)

// TestThinning: workers stay while they are needed now and then, and go otherwise. A
// worker that does not would keep the bubble from ending.
func TestThinning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := LaneLimits{Operations: 8, BriefOperations: 8, OperationQueue: 8, Management: 1, ManagementQueue: 1, QueueBytes: 1 << 20}
		all := lanes{limits: limits, meter: meter.New(time.Now), of: map[uint]*slotLanes{}}
		l := &all.hold(1).operations
		work := func(n int) {
			t.Helper()
			var done atomic.Int64
			for range n {
				submit(t, l, func() {
					time.Sleep(time.Second) // until all have begun
					done.Add(1)
				})
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if got := done.Load(); got != int64(n) {
				t.Errorf("%d jobs are done, want %d", got, n)
			}
		}
		wantIdle := func(n int, after string) {
			t.Helper()
			if got := len(l.idle); got != n {
				t.Errorf("%s: got %d workers idle, want %d", after, got, n)
			}
		}
		sweep := func() { all.sweep(time.Now()) }
		work(8)
		wantIdle(8, "eight jobs")
		sweep()
		wantIdle(8, "swept right after them")
		work(3)
		work(2)
		sweep()
		wantIdle(3, "swept after three jobs, and two")
		work(5)
		wantIdle(5, "five jobs")
		sweep()
		sweep()
		wantIdle(0, "swept after a pause")
	})
}

// TestAdapting: more run at once while they are brief, and only then.
func TestAdapting(t *testing.T) {
	for name, c := range map[string]struct {
		each   time.Duration // of a job at the token
		serial bool          // the token does one after the other
		want   int           // at once, at most
	}{
		"brief":                     {time.Millisecond, false, 128},
		"brief, one at a time":      {time.Millisecond, true, 128},
		"long":                      {time.Second, false, 8},
		"long when many wait there": {15 * time.Millisecond, true, 24}, // the first few do not show it
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLane(8, 128, 1000, 1<<20, 0, meter.New(time.Now).Slot(1))
				defer l.close()
				token := make(chan struct{}, 1)
				var running, most, done atomic.Int64
				burst := func() {
					for range 500 {
						submit(t, &l, func() {
							now := running.Add(1)
							for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
							}
							begun := time.Now()
							if c.serial {
								token <- struct{}{}
								defer func() { <-token }()
							}
							time.Sleep(c.each)
							l.took(begun, time.Since(begun))
							running.Add(-1)
							done.Add(1)
						})
					}
					time.Sleep(time.Hour)
					synctest.Wait()
				}
				burst()
				if got := most.Swap(0); got > int64(c.want) || c.want == 128 && got < 128 {
					t.Errorf("got %d at once, want %d", got, c.want)
				}
				burst()
				if got := most.Load(); got > int64(c.want) {
					t.Errorf("once more: got %d at once, want %d at most", got, c.want)
				}
				if got := done.Load(); got != 1000 {
					t.Errorf("%d jobs are done, want 1000", got)
				}
			})
		})
	}
}

// submit has a job done that has an hour for it.
func submit(t *testing.T, l *lane, job func()) {
	t.Helper()
	if err := l.submit(waiter{do: job, refuse: func(err error) { t.Error(err) }, end: time.Now().Add(time.Hour)}); err != nil {
		t.Error(err)
	}
}
