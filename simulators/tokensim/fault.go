package tokensim

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"
)

// Call names what a Fault acts on.
type Call string

// The calls: the methods of token.Token but Close, and opening one.
const (
	Open      Call = "open"
	Check     Call = "check"
	Inventory Call = "inventory"
	Generate  Call = "generate"
	Import    Call = "import"
	Operate   Call = "operate"
	Wrap      Call = "wrap"
	Unwrap    Call = "unwrap"
	Derive    Call = "derive"
	Update    Call = "update"
	Destroy   Call = "destroy"
)

// Fault is one thing that goes wrong. Of the faults that match a call the first
// one acts, once, and is then gone unless it Stays.
type Fault struct {
	Call Call   // which calls it matches; empty: any
	ID   []byte // only calls about this CKA_ID, in template, reference or filter; nil: any
	Skip int    // lets so many matching calls through first

	Delay time.Duration // the call takes that much longer
	Apply bool          // the call is carried out before it hangs or fails; if it fails by itself, it reports that
	Hang  bool          // the call waits for the end of its context, or for Release
	Err   error         // what the call reports; nil: whatever it would without the fault
	Stays bool          // acts on every matching call until Clear
}

// script is the list of faults, and the calls that hang because of one.
type script struct {
	mu      sync.Mutex
	faults  []*Fault
	hanging []*hang
	changed chan struct{} // closed and renewed when hanging changes
}

type hang struct {
	call    Call
	release chan struct{}
}

// Fail appends faults to those that are set.
func (s *Slot) Fail(faults ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range faults {
		s.faults.faults = append(s.faults.faults, &f)
	}
}

// Clear takes away all faults that have not acted, and returns them. Calls that
// hang go on hanging.
func (s *Slot) Clear() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	var left []Fault
	for _, f := range s.faults.faults {
		left = append(left, *f)
	}
	s.faults.faults = nil
	return left
}

// Release lets all calls that hang go on.
func (s *Slot) Release() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, h := range s.faults.hanging {
		close(h.release)
	}
	s.faults.hanging = nil
	s.faults.notify()
}

// AwaitHanging returns when n calls of a kind hang, or ctx's error.
func (s *Slot) AwaitHanging(ctx context.Context, c Call, n int) error {
	for {
		count, changed := s.faults.count(c)
		if count >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *script) count(c Call) (int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	n := 0
	for _, h := range r.hanging {
		if h.call == c {
			n++
		}
	}
	return n, r.changed
}

// notify wakes who waits for a change of hanging. The caller holds r.mu.
func (r *script) notify() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// take returns the fault that acts on a call, or nil.
func (r *script) take(c Call, id []byte) *taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.faults {
		if f.Call != "" && f.Call != c || f.ID != nil && !bytes.Equal(f.ID, id) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if !f.Stays {
			r.faults = slices.Delete(r.faults, i, i+1)
		}
		return &taken{Fault: *f, call: c}
	}
	return nil
}

// taken is a fault that acts on one call.
type taken struct {
	Fault
	call Call
}

// suffer runs work as the fault has it.
func (t *Token) suffer(ctx context.Context, f *taken, work func() error) error {
	if f.Delay > 0 {
		if err := t.slot.opts.Sleep(ctx, f.Delay); err != nil {
			return timedOut(err)
		}
	}
	if f.Apply {
		if err := work(); err != nil {
			return err
		}
	}
	if f.Hang {
		if err := t.slot.faults.hang(ctx, f.call); err != nil {
			return timedOut(err)
		}
	}
	switch {
	case f.Err != nil:
		return f.Err
	case f.Apply:
		return nil
	default:
		return work()
	}
}

// hang waits for Release, or returns ctx's error.
func (r *script) hang(ctx context.Context, c Call) error {
	h := &hang{call: c, release: make(chan struct{})}
	r.mu.Lock()
	r.hanging = append(r.hanging, h)
	r.notify()
	r.mu.Unlock()
	select {
	case <-h.release:
		return nil
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		r.hanging = slices.DeleteFunc(r.hanging, func(o *hang) bool { return o == h })
		r.notify()
		return ctx.Err()
	}
}
