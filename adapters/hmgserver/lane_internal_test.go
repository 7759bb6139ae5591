package hmgserver

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/app/meter"
)

// TestLaneThins: workers stay while they are needed now and then, and go otherwise. A
// worker that does not would keep the bubble from ending.
func TestLaneThins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lane{limit: 8, depth: 8, bytes: 1 << 20, meter: meter.New(time.Now).Slot(1)}
		work := func(n int) {
			t.Helper()
			done := 0
			for range n {
				job := func() {
					time.Sleep(time.Second) // until all have begun
					l.mu.Lock()
					defer l.mu.Unlock()
					done++
				}
				if err := l.submit(waiter{do: job, refuse: func(err error) { t.Error(err) }, end: time.Now().Add(time.Hour)}); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if done != n {
				t.Errorf("%d jobs are done, want %d", done, n)
			}
		}
		wantIdle := func(n int, after string) {
			t.Helper()
			if got := len(l.idle); got != n {
				t.Errorf("%s: got %d workers idle, want %d", after, got, n)
			}
		}
		work(8)
		wantIdle(8, "eight jobs")
		l.thin()
		wantIdle(8, "thinned right after them")
		work(3)
		work(2)
		l.thin()
		wantIdle(3, "thinned after three jobs, and two")
		work(5)
		wantIdle(5, "five jobs")
		l.thin()
		l.thin()
		wantIdle(0, "thinned after a pause")
	})
}
