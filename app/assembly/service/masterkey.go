package service

import (
	"context"
	"errors"

	"gatehouse/adapters/seal"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	portseal "gatehouse/ports/seal"
	"gatehouse/ports/store"
)

// masterCheck is the name of the sealed setting that tells whether the store
// and the master key belong together.
const masterCheck = "master key check"

// checkMasterKey compares the sealer with the store's check value, or stores
// one at the first start.
func checkMasterKey(ctx context.Context, st store.Store, sealer portseal.Sealer) error {
	kept, err := st.SealedSetting(ctx, string(portseal.MasterCheck), masterCheck)
	if errors.Is(err, fault.NotFound) {
		fresh, err := portseal.NewCheck(sealer, masterCheck)
		if err != nil {
			return err
		}
		return st.PutSealedSetting(ctx, string(portseal.MasterCheck), masterCheck, fresh)
	}
	if err != nil {
		return err
	}
	return portseal.Check(sealer, masterCheck, kept)
}

// RotateMasterKey re-seals everything in the store under a new master key: one
// that it makes, when the master key is in a file; otherwise the first of the
// two that were given. It returns how many values it re-sealed. It can be
// interrupted and begun again. The service must not run meanwhile.
func (c StoreConfig) RotateMasterKey(ctx context.Context) (resealed int, err error) {
	st, ring, file, err := c.OpenStore(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if file != nil {
		if err := file.Begin(); err != nil {
			return 0, err
		}
	} else if len(ring.IDs()) < 2 {
		return 0, fault.New(fault.Invalid, "give the new master key first and the old one after it, so that what is sealed can be moved")
	}
	resealed, err = st.Reseal(ctx, ringReseal(ring))
	if err != nil {
		return resealed, err
	}
	if file != nil {
		return resealed, file.Finish()
	}
	return resealed, nil
}

// ringReseal fits a ring's Reseal to the store, which knows purposes as text.
func ringReseal(ring *seal.Ring) func(purpose, owner string, s secret.Sealed) (secret.Sealed, bool, error) {
	return func(purpose, owner string, s secret.Sealed) (secret.Sealed, bool, error) {
		return ring.Reseal(portseal.Purpose(purpose), owner, s)
	}
}
