package keyring

import (
	"context"
	"errors"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/ports/backend"
)

// Recover completes or undoes what an earlier process, or a failed request of
// this one, left half done. It is to be called at start and then on a timer;
// intents whose HSM cannot be reached wait for the next call. It returns how
// many it settled and what stood in the way of the others.
func (s *Service) Recover(ctx context.Context) (settled int, err error) {
	all, err := s.cat.ListIntents(ctx)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, i := range all {
		s.mu.Lock()
		busy := s.underway[i.ID]
		s.mu.Unlock()
		if busy {
			continue
		}
		done, err := s.settle(ctx, i)
		if err != nil {
			errs = append(errs, err)
		}
		if done {
			settled++
		}
	}
	return settled, errors.Join(errs...)
}

func (s *Service) settle(ctx context.Context, i intents.Intent) (done bool, err error) {
	defer s.begin(i.ID)()
	g, err := s.cat.Group(ctx, i.Group)
	if err != nil {
		return false, err
	}
	b, err := s.backend(g)
	if err != nil {
		return false, err
	}
	system := access.Caller{Principal: id.Principal{Kind: id.SystemPrincipal, ID: "recovery"}, Account: i.Account}
	record := func(action string, do func() error) (bool, error) {
		e := ledger.Entry{Caller: system, Action: action, Object: string(i.Key), Group: i.Group}
		err := s.ledger.Change(ctx, e, func(*ledger.Entry) error { return do() })
		return err == nil, err
	}
	if i.Kind == intents.Destroy {
		k, err := s.cat.Key(ctx, i.Key)
		if err != nil {
			return false, err
		}
		present, err := b.Present(ctx, g, k)
		switch {
		case err != nil:
			return false, err
		case present && s.since(i.StartedAt) < s.cfg.Grace:
			return false, nil // the token may still be at it
		case present:
			return record("key delete undone", func() error { return s.cat.EndIntent(ctx, i.ID) })
		default:
			return record("key delete completed", func() error { return s.cat.DeleteKey(ctx, i.Key, i.ID) })
		}
	}

	o := backend.Order{ID: i.Key, Group: g, Spec: i.Spec}
	made, err := b.Recover(ctx, o)
	switch {
	case err != nil:
		return false, err
	case made == nil && s.since(i.StartedAt) < s.cfg.Grace:
		return false, nil // the token may still be at it
	case made == nil:
		return record("key create given up", func() error { return s.cat.EndIntent(ctx, i.ID) })
	}
	k := s.newKey(i.Creator, o, i.Imported, *made)
	if i.Abandoned {
		return record("key create undone", func() error {
			if err := b.Destroy(ctx, g, k); err != nil {
				return err
			}
			return s.cat.EndIntent(ctx, i.ID)
		})
	}
	return record("key create completed", func() error { return s.cat.AddKey(ctx, k, i.ID) })
}

// Unfinished returns the ids of keys that are being made in group g: a sync
// must leave them alone.
func (s *Service) Unfinished(ctx context.Context, g id.Group) (map[id.Key]keys.Spec, error) {
	all, err := s.cat.ListIntents(ctx)
	unfinished := map[id.Key]keys.Spec{}
	for _, i := range all {
		if i.Group == g && i.Kind == intents.Create {
			unfinished[i.Key] = i.Spec
		}
	}
	return unfinished, err
}
