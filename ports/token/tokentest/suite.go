package tokentest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/token"
)

// patience is how long the suite waits for what should take a moment.
const patience = 20 * time.Second

type suite struct {
	h        Harness
	tok      token.Token
	caps     hsm.Capabilities
	prefix   []byte
	made     atomic.Uint32
	refusals *refusals
	known    known
	pairs    map[string]*hsm.Object // keys made in the token, by case name
	wrappers map[string]*imported   // wrapping keys, by case name
	ways     *ways                  // what everyCall wraps, unwraps and derives
}

func newSuite(t *testing.T, h Harness) *suite {
	t.Helper()
	if h.Open == nil {
		t.Fatal("the harness has no Open")
	}
	prefix := make([]byte, 8)
	_, _ = rand.Read(prefix)
	return &suite{h: h, prefix: prefix, refusals: newRefusals(h.Refuses, h.RefusesUnknown), pairs: map[string]*hsm.Object{}, wrappers: map[string]*imported{}}
}

// open opens the Token that most of the suite uses, and closes it with t.
func (s *suite) open(t *testing.T) {
	t.Helper()
	s.tok = s.h.Open(t)
	t.Cleanup(func() {
		if s.h.Tidy {
			s.tidy(t)
		}
		if err := s.tok.Close(); err != nil {
			t.Errorf("closing the token: %v", err)
		}
	})
	info, err := s.tok.Check(within(t))
	if err != nil {
		t.Fatalf("checking the token: %v", err)
	}
	s.caps = info.Capabilities
	describe(t, info)
}

// need ends the subtest when the harness lacks a hook: skipped with the
// harness's reason, failed without one.
func (s *suite) need(t *testing.T, has bool, hook string) {
	t.Helper()
	if has {
		return
	}
	reason := s.h.NotApplicable[hook]
	if reason == "" {
		t.Fatalf("the harness has neither the hook %s nor a reason in NotApplicable", hook)
	}
	t.Skipf("not applicable: %s", reason)
}

// newID returns a CKA_ID that no other object has.
func (s *suite) newID() []byte {
	return s.idNumber(s.made.Add(1))
}

// idNumber returns the nth id that newID gave out.
func (s *suite) idNumber(n uint32) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(s.prefix), n)
}

// within returns a context that ends with the test, or when patience does.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// list returns the objects with a CKA_ID.
func (s *suite) list(t *testing.T, id []byte) []hsm.Object {
	t.Helper()
	var found []hsm.Object
	err := s.tok.Inventory(within(t), hsm.Filter{ID: id}, func(o hsm.Object) error {
		found = append(found, o)
		return nil
	})
	if err != nil {
		t.Fatalf("reading the inventory: %v", err)
	}
	for _, o := range found {
		if !bytes.Equal(o.ID, id) {
			t.Fatalf("inventory filtered by id %x yields an object with id %x", id, o.ID)
		}
	}
	return found
}

// find returns the one object of a class with a CKA_ID.
func (s *suite) find(t *testing.T, class hsm.Class, id []byte) hsm.Object {
	t.Helper()
	var of []hsm.Object
	all := s.list(t, id)
	for _, o := range all {
		if o.Class == class {
			of = append(of, o)
		}
	}
	if len(of) != 1 {
		t.Fatalf("got %d objects of class %s with id %x among %d, want 1", len(of), class, id, len(all))
	}
	return of[0]
}

// wantNone fails when anything with the CKA_ID is in the token.
func (s *suite) wantNone(t *testing.T, id []byte) {
	t.Helper()
	if left := s.list(t, id); len(left) != 0 {
		t.Errorf("%d objects with id %x are in the token, want none; the first is a %s", len(left), id, left[0].Class)
	}
}

// operate does op and fails the test when that fails.
func (s *suite) operate(t *testing.T, ref hsm.Ref, op operations.Operation) operations.Result {
	t.Helper()
	res, err := s.tok.Operate(within(t), ref, op)
	if err != nil {
		t.Fatalf("%s: %v", operations.Name(op), err)
	}
	return res
}

// does reports whether the capabilities list what op needs. The parts that try
// every mechanism prove that the list is true.
func (s *suite) does(op operations.Operation, t keys.Type) bool {
	return s.caps.Lists(hsm.MechanismFor(op, t))
}

// generateKey makes a key and fails the test when that fails.
func (s *suite) generateKey(t *testing.T, tpl hsm.Template) hsm.Object {
	t.Helper()
	o, err := s.tok.Generate(within(t), tpl)
	if err != nil {
		t.Fatalf("generating %s: %v", caseOf(tpl), err)
	}
	return o
}

// aes returns a template for an AES key of its own.
func (s *suite) aes() hsm.Template {
	id := s.newID()
	return hsm.Template{ID: id, Label: label(id), Type: keys.AES, Size: 256, Ops: aesOps}
}

// wantKind fails when err is not of one of the kinds.
func wantKind(t *testing.T, err error, want ...fault.Kind) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want kind %v", want)
		return
	}
	for _, k := range want {
		if errors.Is(err, k) && fault.KindOf(err) == k {
			if fault.Message(err) == "" {
				t.Errorf("an error of kind %q has no message for the caller: %v", k, err)
			}
			return
		}
	}
	t.Errorf("got an error of kind %q (%v), want %v", fault.KindOf(err), err, want)
}

// wantEnded fails unless err is Unavailable for the end of a context.
func wantEnded(t *testing.T, err error) {
	t.Helper()
	wantKind(t, err, fault.Unavailable)
	if !errors.Is(err, fault.TimedOut) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want it to tell that the context ended", err)
	}
}
