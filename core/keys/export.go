package keys

import (
	"slices"

	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// ExportPolicy says how the value of a key that may be exported leaves the
// service (export_policy in the API). The zero value lets it leave in any way.
type ExportPolicy struct {
	Wrapped bool     // only under another key
	Only    bool     // only under one of Keys; with Wrapped
	Keys    []id.Key // of the same account; none: under no key at all
	Fixed   bool     // it is never relaxed, only made more strict
}

// Plain reports, as Denied, that the policy does not let the value leave as it is.
func (p ExportPolicy) Plain() error {
	if p.Wrapped {
		return fault.New(fault.Denied, "the key's export_policy lets its value leave only under another key")
	}
	return nil
}

// WrappedBy reports, as Denied, that the policy does not let the value leave
// under that key. One without an id travels with the request: whoever gives it
// may know its value, so that a value wrapped by it is as good as in the clear.
func (p ExportPolicy) WrappedBy(k id.Key) error {
	switch {
	case !p.Wrapped:
		return nil
	case k == "":
		return fault.New(fault.Denied, "the key's export_policy lets its value leave only under a key of the service")
	case p.Only && !slices.Contains(p.Keys, k):
		return fault.New(fault.Denied, "the key's export_policy does not let its value leave under this key")
	default:
		return nil
	}
}

// Becomes reports, as Denied, that p is fixed and to would relax it.
func (p ExportPolicy) Becomes(to ExportPolicy) error {
	added := func() bool {
		return slices.ContainsFunc(to.Keys, func(k id.Key) bool { return !slices.Contains(p.Keys, k) })
	}
	if p.Fixed && (!to.Fixed || p.Wrapped && !to.Wrapped || p.Only && (!to.Only || added())) {
		return fault.New(fault.Denied, "export_policy cannot be relaxed: allow_weakening is false")
	}
	return nil
}

// Equal reports whether two policies say the same.
func (p ExportPolicy) Equal(q ExportPolicy) bool {
	return p.Wrapped == q.Wrapped && p.Only == q.Only && p.Fixed == q.Fixed && slices.Equal(p.Keys, q.Keys)
}

func (p ExportPolicy) clone() ExportPolicy {
	p.Keys = slices.Clone(p.Keys)
	return p
}

// MaxWrappingKeys is how many keys an export policy names at most.
const MaxWrappingKeys = 100

// Check reports, as Invalid, what is wrong with p.
func (p ExportPolicy) Check() error {
	if len(p.Keys) > MaxWrappingKeys {
		return fault.New(fault.Invalid, "export_policy names more than %d keys", MaxWrappingKeys)
	}
	return nil
}
