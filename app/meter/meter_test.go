package meter_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/meter"
	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

func at(s int) func() time.Time { return func() time.Time { return time.Unix(int64(s), 0) } }

func TestHistogram(t *testing.T) {
	t.Parallel()
	bounds := meter.Bounds()
	for i, b := range bounds {
		s := meter.New(at(0)).Slot(1)
		s.Did(meter.Sign, b, nil)
		s.Did(meter.Sign, b+1, nil)
		got := s.Took(meter.Sign)
		want := make([]uint64, len(bounds)+1)
		want[i], want[i+1] = 1, 1
		if diff := cmp.Diff(want, got.Counts); diff != "" || got.Sum != 2*b+1 || got.Total() != 2 {
			t.Errorf("at %v: sum %v, total %d, counts (-want +got):\n%s", b, got.Sum, got.Total(), diff)
		}
	}
	s := meter.New(at(0)).Slot(1)
	for _, d := range []time.Duration{0, -1, time.Hour} {
		s.Did(meter.Open, d, nil)
	}
	got := s.Took(meter.Open).Counts
	if got[0] != 2 || got[len(got)-1] != 1 {
		t.Errorf("got %v, want two in the first bucket and one in the last", got)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	s := meter.New(func() time.Time { return now }).Slot(1)
	s.Did(meter.Sign, time.Millisecond, fmt.Errorf("signing: %w", fault.New(fault.NotFound, "no such key")))
	now = time.Unix(2, 0)
	for range 2 {
		s.Failed(fault.New(fault.Unavailable, "no").Because(fault.TokenFailed))
	}
	want := []meter.Failure{
		{Kind: fault.Unavailable, Reason: fault.TokenFailed, Count: 2, Last: time.Unix(2, 0)},
		{Kind: fault.NotFound, Count: 1, Last: time.Unix(1, 0)},
	}
	if diff := cmp.Diff(want, s.Failures()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.Took(meter.Sign).Total(); got != 1 {
		t.Errorf("got %d calls, want one: the others were not made", got)
	}
}

func TestSlotsAreBounded(t *testing.T) {
	t.Parallel()
	m := meter.New(at(0))
	if m.Known(7) == m.Slot(7) || m.Known(7) != m.Slot(7) {
		t.Error("a slot is counted apart before it was open, or not after")
	}
	for n := range uint(1000) {
		m.Slot(n).Did(meter.Check, 1, nil)
	}
	numbers, slots, others := m.Read()
	if len(numbers) != meter.MaxSlots || len(slots) != meter.MaxSlots {
		t.Errorf("got %d slots, want %d", len(numbers), meter.MaxSlots)
	}
	if got, want := others.Took(meter.Check).Total(), uint64(1000-meter.MaxSlots); got != want {
		t.Errorf("got %d calls to the others, want %d", got, want)
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	for want, op := range map[meter.Class]operations.Operation{
		meter.Sign: operations.Sign{}, meter.Verify: operations.Verify{}, meter.Encrypt: operations.Encrypt{},
		meter.Decrypt: operations.Decrypt{}, meter.MAC: operations.MAC{}, meter.MACVerify: operations.MACVerify{},
	} {
		if got := meter.Of(op); got != want {
			t.Errorf("%T: got %v, want %v", op, got, want)
		}
	}
	seen := map[string]bool{}
	for _, c := range meter.Classes() {
		if c.String() == "" || seen[c.String()] {
			t.Errorf("class %d has no name of its own: %q", c, c)
		}
		seen[c.String()] = true
	}
}

func TestCountsFromManyAtOnce(t *testing.T) {
	t.Parallel()
	s := meter.New(time.Now).Slot(1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				s.Did(meter.Sign, time.Microsecond, fault.Internal)
				s.Failures()
			}
		})
	}
	all.Wait()
	if got := s.Took(meter.Sign).Total(); got != 8000 {
		t.Errorf("got %d, want 8000", got)
	}
}

// BenchmarkDid is what counting costs each operation.
func BenchmarkDid(b *testing.B) {
	s := meter.New(time.Now).Slot(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Did(meter.Sign, 50*time.Microsecond, nil)
	}
}

func BenchmarkDidFailed(b *testing.B) {
	s := meter.New(time.Now).Slot(1)
	err := fault.New(fault.Unavailable, "no").Because(fault.TokenFailed)
	b.ReportAllocs()
	for b.Loop() {
		s.Did(meter.Sign, 50*time.Microsecond, err)
	}
}
