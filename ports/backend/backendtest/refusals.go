package backendtest

import (
	"errors"
	"flag"
	"path"
	"testing"

	"gatehouse/core/fault"
)

// refusals keeps account of what a backend refuses as unsupported, against what
// its harness says it does.
type refusals struct {
	patterns []string
	met      map[string]bool
}

// works takes the outcome of a case, and reports whether it worked and the
// subtest may go on. A refusal that the harness lists has thereby passed; every
// other ending fails the subtest.
func (r *refusals) works(t *testing.T, name string, err error) bool {
	t.Helper()
	listed := false
	for _, p := range r.patterns {
		ok, bad := path.Match(p, name)
		if bad != nil {
			t.Fatalf("pattern %q in Refuses: %v", p, bad)
		}
		if ok {
			listed, r.met[p] = true, true
		}
	}
	switch {
	case err == nil && listed:
		t.Errorf("%q works, but Refuses lists it", name)
	case errors.Is(err, fault.Unsupported) && !listed:
		t.Fatalf("%q is refused (%v), and Refuses does not list it", name, err)
	case err != nil && !errors.Is(err, fault.Unsupported):
		t.Fatalf("%q: %v", name, err)
	}
	return err == nil
}

// check fails for entries of Refuses that no case met. It cannot tell when only
// a part of the tests was asked for.
func (r *refusals) check(t *testing.T) {
	t.Helper()
	if f := flag.Lookup("test.run"); t.Failed() || f != nil && f.Value.String() != "" {
		return
	}
	for _, p := range r.patterns {
		if !r.met[p] {
			t.Errorf("Refuses lists %q, which is no case", p)
		}
	}
}
