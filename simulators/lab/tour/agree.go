package tour

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/simulators/lab/opensc"
)

// line is what both lists say of a key.
type line struct {
	kind  keys.Type
	alone bool // a public key without its private half
	id    string
	label string
}

func (l line) String() string {
	s := fmt.Sprintf("%s, CKA_ID %q, CKA_LABEL %q", l.kind, l.id, l.label)
	if l.alone {
		s += ", a public key alone"
	}
	return s
}

// Agree fails, naming the first differences, unless the keys that pkcs11-tool
// has listed and the virtual keys of the service are the same: as many, with
// the same types, CKA_IDs and CKA_LABELs, however often each occurs.
func Agree(listed []opensc.Object, virtual []dsmwire.Sobject) error {
	var inToken, inService []line
	for _, o := range listed {
		inToken = append(inToken, line{o.Type, o.Class == hsm.PublicKey, o.ID, o.Label})
	}
	for _, k := range virtual {
		if k.External == nil {
			return fmt.Errorf("%s (%s) is not a virtual key", k.Name, k.KID)
		}
		ref := k.External.ID
		inService = append(inService, line{
			keys.Type(k.ObjType), k.PublicOnly, hex.EncodeToString(ref.ID), strings.TrimRight(string(ref.Label), " "),
		})
	}
	var errs []error
	for _, l := range without(inToken, inService) {
		errs = append(errs, fmt.Errorf("only in the HSM: %s", l))
	}
	for _, l := range without(inService, inToken) {
		errs = append(errs, fmt.Errorf("only in the service: %s", l))
	}
	if len(errs) > 5 {
		errs = append(errs[:5], fmt.Errorf("and %d more", len(errs)-5))
	}
	return errors.Join(errs...)
}

// without returns what a holds more often than b, in order.
func without(a, b []line) []line {
	count := map[line]int{}
	for _, l := range b {
		count[l]++
	}
	var rest []line
	for _, l := range a {
		if count[l]--; count[l] < 0 {
			rest = append(rest, l)
		}
	}
	slices.SortFunc(rest, func(a, b line) int { return cmp.Compare(a.String(), b.String()) })
	return rest
}
