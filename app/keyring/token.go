package keyring

import (
	"bytes"
	"context"
	"errors"

	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/policy"
	"gatehouse/ports/backend"
)

// writeBack returns what a change from k to next changes in the HSM, nil for nothing.
func writeBack(g groups.Group, k, next keys.Key) *hsm.Change {
	if k.Virtual == nil || k.State == keys.Destroyed {
		return nil
	}
	var back hsm.Change
	if next.Name != k.Name && policy.Asks(g.Policy, policy.UpdateName) == policy.AskChange {
		label := []byte(next.Name)
		back.Label = &label
	}
	if next.Ops != k.Ops && policy.Asks(g.Policy, policy.UpdateOps) == policy.AskChange {
		back.Ops = &next.Ops
		back.Unextractable = k.Ops.Has(keys.OpExport) && !next.Ops.Has(keys.OpExport)
	}
	if back == (hsm.Change{}) {
		return nil
	}
	return &back
}

// updateInToken changes the HSM key between intent and record, because a label
// is part of how it is found again: were only one of the two changed, the
// virtual key would point nowhere.
func (s *Service) updateInToken(ctx context.Context, c access.Caller, b backend.Backend, g groups.Group, k keys.Key,
	back hsm.Change, apply func(keys.Key) (keys.Key, error),
) (keys.Key, error) {
	ctx = context.WithoutCancel(ctx)
	label := k.Virtual.Label
	if back.Label != nil {
		label = *back.Label
		if err := s.nameFree(ctx, k.Account, string(label)); err != nil {
			return keys.Key{}, err
		}
	}
	ops := k.Ops
	if back.Ops != nil {
		ops = *back.Ops
	}
	i, done, err := s.intend(ctx, intents.Intent{Kind: intents.Update, Creator: c.Principal, Spec: keys.Spec{Name: string(label), Ops: ops}}, k)
	if err != nil {
		return keys.Key{}, err
	}
	defer done()
	if err := b.Update(ctx, g, k, back); err != nil {
		if !uncertain(err) {
			s.end(ctx, i)
			return keys.Key{}, err
		}
		if back.Label == nil || !s.moved(ctx, b, g, k, label) {
			return keys.Key{}, err // recovery looks again: the token may still be at it
		}
	}
	changed, err := s.cat.UpdateKey(ctx, k.ID, func(k keys.Key) (keys.Key, error) {
		k, err := apply(k)
		k.Virtual.Label = label
		return k, err
	})
	if err != nil { // the name may have been taken meanwhile: the pointer must follow all the same
		if s.repoint(ctx, k, label) == nil {
			s.end(ctx, i)
		}
		return keys.Key{}, err
	}
	s.end(ctx, i)
	return changed, nil
}

// nameFree makes sure that no key has the name, before a token is changed.
func (s *Service) nameFree(ctx context.Context, a id.Account, name string) error {
	_, err := s.cat.KeyByName(ctx, a, name)
	switch {
	case err == nil:
		return fault.New(fault.Conflict, "sobject already exists")
	case errors.Is(err, fault.NotFound):
		return nil
	default:
		return err
	}
}

// presentAs reports whether the HSM holds k under another label.
func (s *Service) presentAs(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key, label []byte) (bool, error) {
	k = k.Clone()
	k.Virtual.Label = label
	return b.Present(ctx, g, k)
}

// moved is presentAs for who goes on without an answer.
func (s *Service) moved(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key, label []byte) bool {
	there, err := s.presentAs(ctx, b, g, k, label)
	return err == nil && there
}

// repoint records that k's HSM key has another label now, unless the record was
// changed meanwhile.
func (s *Service) repoint(ctx context.Context, k keys.Key, label []byte) error {
	_, err := s.cat.UpdateKey(ctx, k.ID, func(now keys.Key) (keys.Key, error) {
		now = now.Clone()
		if now.Virtual != nil && bytes.Equal(now.Virtual.Label, k.Virtual.Label) {
			now.Virtual.Label = label
		}
		return now, nil
	})
	return err
}

// intend writes down what is about to be done to the HSM key of k. Whoever gets
// the intent is alone with the key until done is called: somebody else might
// know it by another label. An earlier change of which nobody knows how it ended
// must be settled first.
func (s *Service) intend(ctx context.Context, i intents.Intent, k keys.Key) (intents.Intent, func(), error) {
	i.ID, i.Account, i.Group, i.Key, i.StartedAt = id.Intent(s.cfg.NewID()), k.Account, k.Group, k.ID, s.cfg.Now()
	done, ok := s.work.claim(i, k.Virtual)
	if !ok {
		return i, nil, errBusy()
	}
	if err := s.store(ctx, i, k.Version); err != nil {
		done()
		return i, nil, err
	}
	return i, done, nil
}

// store stores an intent unless its key was changed since that version, or an
// earlier intent of it is not settled; a destruction may be asked for again.
func (s *Service) store(ctx context.Context, i intents.Intent, version int64) error {
	k, err := s.cat.Key(ctx, i.Key)
	if err != nil {
		return err
	}
	if k.Version != version {
		return fault.New(fault.Conflict, "the sobject was changed meanwhile")
	}
	if err := s.unsettled(ctx, i); err != nil {
		return err
	}
	err = s.cat.BeginIntent(ctx, i)
	if err != nil {
		s.end(ctx, i) // it may have been stored all the same
	}
	return err
}

// errBusy is the refusal of a change while another one goes on.
func errBusy() error { return fault.New(fault.Conflict, "the sobject is being changed in its HSM") }

// unsettled refuses an intent while an earlier one of the same keys is not
// settled. A destruction may be asked for again.
func (s *Service) unsettled(ctx context.Context, i intents.Intent) error {
	open, err := s.cat.ListIntents(ctx)
	if err != nil {
		return err
	}
	for _, earlier := range open {
		again := earlier.Kind == intents.Destroy && i.Kind == intents.Destroy
		if (earlier.Touches(i.Key) || i.Replaces.Key != "" && earlier.Touches(i.Replaces.Key)) && !again {
			return fault.New(fault.BadState, "an earlier change of the sobject in its HSM is not settled yet; try again in some minutes")
		}
	}
	return nil
}
