package tokentest

import (
	"errors"
	"flag"
	"path"
	"testing"

	"gatehouse/core/fault"
)

// refusals keeps account of what a token refuses as unsupported, against what
// its harness says it does.
type refusals struct {
	patterns []string
	unknown  bool // nobody knows them: each passes
	used     map[string]bool
}

func newRefusals(patterns []string, unknown bool) *refusals {
	return &refusals{patterns: patterns, unknown: unknown, used: map[string]bool{}}
}

// listed reports whether the harness lists the case.
func (r *refusals) listed(t *testing.T, name string) bool {
	t.Helper()
	for _, p := range r.patterns {
		ok, err := path.Match(p, name)
		if err != nil {
			t.Fatalf("pattern %q in Refuses: %v", p, err)
		}
		if ok {
			r.used[p] = true
			return true
		}
	}
	return false
}

// works takes the outcome of a case, and reports whether it worked and the
// subtest may go on. A refusal that the harness lists has thereby passed; every
// other ending fails the subtest.
func (r *refusals) works(t *testing.T, name string, err error) bool {
	t.Helper()
	listed := r.listed(t, name)
	switch {
	case err == nil && listed:
		t.Errorf("%q works, but Refuses lists it", name)
		return true
	case err == nil:
		return true
	case errors.Is(err, fault.Unsupported) && (listed || r.unknown):
		attr(t, AttrRefuses, name)
		return false
	case errors.Is(err, fault.Unsupported):
		t.Fatalf("%q is refused (%v), and Refuses does not list it", name, err)
	default:
		t.Fatalf("%q: %v", name, err)
	}
	return false
}

// check fails for entries of Refuses that no case met. It cannot tell when only
// a part of the tests was asked for.
func (r *refusals) check(t *testing.T) {
	t.Helper()
	if f := flag.Lookup("test.run"); t.Failed() || f != nil && f.Value.String() != "" {
		return
	}
	for _, p := range r.patterns {
		if !r.used[p] {
			t.Errorf("Refuses lists %q, which is no case", p)
		}
	}
}
