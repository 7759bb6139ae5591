package tokentest

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
)

// concurrency: many callers at once, and every answer belongs to its question.
func (s *suite) concurrency(t *testing.T) {
	t.Run("operating while others generate and search", s.crowd)
	t.Run("one id wanted by many", s.race)
}

const (
	workers   = 12
	perWorker = 8
)

func (s *suite) crowd(t *testing.T) {
	refs := make([]hsm.Ref, 4)
	for i := range refs {
		refs[i] = s.generateKey(t, s.aes()).Ref()
	}
	var users, others sync.WaitGroup
	done := make(chan struct{})
	for w := range workers {
		users.Go(func() {
			ref, plain := refs[w%len(refs)], bytes.Repeat([]byte{byte(w)}, 16*(w+1))
			for range perWorker {
				e, err := s.tok.Operate(within(t), ref, operations.Encrypt{Mode: operations.CBC, Plain: plain})
				if err != nil {
					t.Errorf("encrypting: %v", err)
					return
				}
				d, err := s.tok.Operate(within(t), ref, operations.Decrypt{Mode: operations.CBC, Cipher: e.Output, IV: e.IV})
				if err != nil || !bytes.Equal(d.Output, plain) {
					t.Errorf("decrypting: got %x and %v, want %x", d.Output, err, plain)
					return
				}
			}
		})
	}
	others.Go(func() { s.makeAndDestroy(t, done) })
	others.Go(func() { s.searchUntil(t, done) })
	users.Wait()
	close(done)
	others.Wait()
}

// makeAndDestroy changes the token until done, at least once.
func (s *suite) makeAndDestroy(t *testing.T, done <-chan struct{}) {
	for again := true; again; {
		o, err := s.tok.Generate(within(t), s.aes())
		if err != nil {
			t.Errorf("generating: %v", err)
			return
		}
		if err := s.tok.Destroy(within(t), o.Ref()); err != nil {
			t.Errorf("destroying: %v", err)
			return
		}
		again = !ended(done)
	}
}

// searchUntil reads the inventory until done, at least once; no object of the
// suite may be seen half made.
func (s *suite) searchUntil(t *testing.T, done <-chan struct{}) {
	for again := true; again; {
		err := s.tok.Inventory(within(t), hsm.Filter{}, func(o hsm.Object) error {
			if bytes.HasPrefix(o.ID, s.prefix) && (o.Unreadable != "" || o.Size == 0 && s.h.ForgetsSize == "") {
				t.Errorf("object %x is seen half made: %q, %d bits", o.ID, o.Unreadable, o.Size)
			}
			return nil
		})
		if err != nil {
			t.Errorf("reading the inventory: %v", err)
			return
		}
		again = !ended(done)
	}
}

func ended(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (s *suite) race(t *testing.T) {
	tpl := s.aes()
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, err := s.tok.Generate(within(t), tpl)
			if err == nil {
				won.Add(1)
				return
			}
			wantKind(t, err, fault.Conflict)
		})
	}
	wg.Wait()
	if n := won.Load(); n != 1 {
		t.Errorf("%d callers made a key of one id, want 1", n)
	}
	s.roundTrip(t, s.find(t, hsm.SecretKey, tpl.ID).Ref())
}
