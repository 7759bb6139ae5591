package keyring

import (
	"context"
	"encoding/json"

	"gatehouse/core/access"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// cipherState is the kind of parcel that goes on from part to part.
const cipherState = "cipher state"

// part is the state of a message in parts, as its owner carries it: sealed JSON.
type part struct {
	Key   id.Key // of a stored or transient key; empty for an inline one
	Loose bool   // each request must name the key again
	State []byte
}

// Begin begins a message in parts, and returns the state that the next part
// needs, sealed for the caller.
func (s *Service) Begin(ctx context.Context, c access.Caller, d Descriptor, build func(keys.Key) (operations.Operation, error)) (keys.Key, operations.Result, error) {
	if err := s.loosely(); err != nil {
		return keys.Key{}, operations.Result{}, err
	}
	owner := id.Key("")
	k, res, err := s.Use(ctx, c, d, func(k keys.Key) (operations.Operation, error) {
		owner = d.owner(k)
		return build(k)
	})
	if err != nil {
		return k, res, err
	}
	res.State, err = s.packState(c, part{Key: owner, Loose: d.loose(), State: res.State})
	return k, res, err
}

// Continue does the next part, or with operations.Finish the last. Build makes
// the operation of the state that the backend knows. D may be empty for a
// stored key, which the state names.
func (s *Service) Continue(ctx context.Context, c access.Caller, d Descriptor, state []byte, build func(state []byte) operations.Operation) (operations.Result, error) {
	if err := s.loosely(); err != nil {
		return operations.Result{}, err
	}
	var p part
	b, err := s.cfg.Unpack(parcelOwner(cipherState, c), secret.New(state))
	if err != nil || json.Unmarshal(b, &p) != nil {
		return operations.Result{}, operations.ErrState()
	}
	if d.ways() == 0 && !p.Loose {
		d = Descriptor{ID: p.Key}
	}
	_, res, err := s.Use(ctx, c, d, func(k keys.Key) (operations.Operation, error) {
		if d.loose() != p.Loose || d.owner(k) != p.Key {
			return nil, operations.ErrState()
		}
		return build(p.State), nil
	})
	if err != nil || len(res.State) == 0 {
		return res, err
	}
	res.State, err = s.packState(c, part{Key: p.Key, Loose: p.Loose, State: res.State})
	return res, err
}

// owner is the id by which a state knows its key: an inline key has none.
func (d Descriptor) owner(k keys.Key) id.Key {
	if d.Inline != nil {
		return ""
	}
	return k.ID
}

func (s *Service) packState(c access.Caller, p part) ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return s.cfg.Pack(parcelOwner(cipherState, c), b)
}
