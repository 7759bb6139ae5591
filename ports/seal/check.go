package seal

import (
	"errors"
	"fmt"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// known is what a check value holds. Being public it proves nothing but that
// the master key is the right one.
const known = "gatehouse master key check 1"

// NewCheck returns the value that the store called name keeps from its first
// start on, so that later starts can tell whether they were given its master
// key. Like everything sealed it is resealed by a rotation, as purpose
// MasterCheck and owner name.
func NewCheck(s Sealer, name string) (secret.Sealed, error) {
	return s.Seal(MasterCheck, name, secret.FromString(known))
}

// Check tells whether s holds the master key of the store called name, whose
// check value is kept. It must be called before anything of the store is used:
// an error stops the start. Errors: UnknownMaster (another master key was
// given), Damaged.
func Check(s Sealer, name string, kept secret.Sealed) error {
	v, err := s.Open(MasterCheck, name, kept)
	switch {
	case errors.Is(err, UnknownMaster):
		return fmt.Errorf("this store was sealed under another master key; give the one that it was made with: %w", err)
	case err != nil:
		return fmt.Errorf("reading the store's master key check: %w", err)
	case !v.Equal(secret.FromString(known)):
		return fault.Wrap(fault.Internal, Damaged, "the store's master key check holds something else")
	}
	return nil
}
