// Package storesim stands in front of a store and fails as a test decides:
// before or after it was carried out, once or until it is mended, or with
// something else happening first.
//
// Otherwise it guarantees what the store behind it does; the suite of port
// store runs here too. Tests of use cases use it; no program that ships holds
// it. Everything is safe for concurrent use.
package storesim

import (
	"slices"
	"sync"

	"gatehouse/core/fault"
	"gatehouse/ports/store"
)

// Call is the name of a method of store.Store.
type Call string

// Fault is one thing that goes wrong. Of the faults that match a call the first
// one acts, once, and is then gone unless it Stays.
type Fault struct {
	Call  Call // which calls it matches; empty: any but Close
	Skip  int  // lets so many matching calls through first
	Stays bool // acts on every matching call until Clear

	Before func() // runs first: what happens at this very moment; it may call the store
	Apply  bool   // the call is carried out before it fails; if it fails by itself, it reports that
	Err    error  // what the call reports; nil: whatever it would without the fault
}

// Lost is what a store that cannot be reached reports, for Fault.Err.
func Lost() error { return fault.New(fault.Unavailable, "the database is out of reach (SIMULATED)") }

// Store is a store with faults.
type Store struct {
	behind store.Store

	mu     sync.Mutex
	faults []*Fault
	calls  map[Call]int
}

var _ store.Store = (*Store)(nil)

// New returns a store without faults in front of s.
func New(s store.Store) *Store { return &Store{behind: s, calls: map[Call]int{}} }

// Fail appends faults to those that are set.
func (s *Store) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// Clear takes away all faults that have not acted, and returns them.
func (s *Store) Clear() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []Fault
	for _, f := range s.faults {
		left = append(left, *f)
	}
	s.faults = nil
	return left
}

// Calls tells how often each method was called so far.
func (s *Store) Calls() map[Call]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[Call]int{}
	for c, n := range s.calls {
		all[c] = n
	}
	return all
}

// Writes tells how often anything was stored so far, audit records apart.
func (s *Store) Writes() int {
	n := 0
	for c, calls := range s.Calls() {
		if !slices.Contains(reads, c) && c != "AppendAudit" {
			n += calls
		}
	}
	return n
}

// take counts a call, and returns the fault that acts on it, or nil.
func (s *Store) take(c Call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c]++
	for i, f := range s.faults {
		if f.Call != "" && f.Call != c {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if !f.Stays {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return f
	}
	return nil
}

// do carries out a call as the faults have it.
func (s *Store) do(c Call, call func() error) error {
	f := s.take(c)
	if f == nil {
		return call()
	}
	if f.Before != nil {
		f.Before()
	}
	if f.Apply || f.Err == nil {
		if err := call(); err != nil {
			return err
		}
	}
	return f.Err
}

// ask is do for calls that return something, which a fault of its own takes away.
func ask[T any](s *Store, c Call, call func() (T, error)) (T, error) {
	var v T
	failed := false // by itself
	err := s.do(c, func() (err error) {
		v, err = call()
		failed = err != nil
		return err
	})
	if err != nil && !failed {
		var none T
		return none, err
	}
	return v, err
}
