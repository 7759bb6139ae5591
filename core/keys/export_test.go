package keys_test

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

var (
	anyWay   = keys.ExportPolicy{}
	wrapped  = keys.ExportPolicy{Wrapped: true}
	byA      = keys.ExportPolicy{Wrapped: true, Only: true, Keys: []id.Key{"a"}}
	byAOrB   = keys.ExportPolicy{Wrapped: true, Only: true, Keys: []id.Key{"b", "a"}}
	byNobody = keys.ExportPolicy{Wrapped: true, Only: true}
)

func fixed(p keys.ExportPolicy) keys.ExportPolicy {
	p.Fixed = true
	return p
}

// The table is every policy against every way in which a value leaves.
func TestExportPolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy keys.ExportPolicy
		leaves string // as it is, under a key that travels with the request, under a, under b
	}{
		"any way":           {anyWay, "yyyy"},
		"wrapped":           {wrapped, "nnyy"},
		"wrapped by a":      {byA, "nnyn"},
		"wrapped by either": {byAOrB, "nnyy"},
		"wrapped by nobody": {byNobody, "nnnn"},
	} {
		for _, p := range []keys.ExportPolicy{c.policy, fixed(c.policy)} {
			got := ""
			for _, err := range []error{p.Plain(), p.WrappedBy(""), p.WrappedBy("a"), p.WrappedBy("b")} {
				switch {
				case err == nil:
					got += "y"
				case fault.KindOf(err) == fault.Denied:
					got += "n"
				}
			}
			if got != c.leaves {
				t.Errorf("%s: got %s, want %s", name, got, c.leaves)
			}
		}
	}
}

// A fixed policy only becomes more strict; any other becomes anything.
func TestExportPolicyBecomes(t *testing.T) {
	t.Parallel()
	all := []keys.ExportPolicy{anyWay, wrapped, byAOrB, byA, byNobody} // each at least as strict as the one before
	for i, from := range all {
		for j, to := range all {
			if err := from.Becomes(to); err != nil {
				t.Errorf("%v to %v: got %v, want it changed", from, to, err)
			}
			if err := fixed(from).Becomes(to); fault.KindOf(err) != fault.Denied {
				t.Errorf("%v to %v, which is not fixed: got %v, want it denied", from, to, err)
			}
			err := fixed(from).Becomes(fixed(to))
			if strict := j >= i; strict && err != nil || !strict && fault.KindOf(err) != fault.Denied {
				t.Errorf("%v to %v: got %v, want it changed: %t", from, to, err, strict)
			}
		}
	}
}
