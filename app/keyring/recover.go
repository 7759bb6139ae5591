package keyring

import (
	"bytes"
	"context"
	"errors"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
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
	idle, err := s.idle(ctx)
	defer func() {
		for _, left := range idle {
			left.done()
		}
	}()
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	down := map[id.Group]bool{} // whose HSM is out of reach
	for ; len(idle) > 0; idle = idle[1:] {
		i := idle[0]
		if !down[i.Group] {
			done, err := s.settle(ctx, i.Intent)
			if err != nil {
				errs = append(errs, err)
				down[i.Group] = errors.Is(err, fault.Unavailable)
			}
			if done {
				s.work.settled(i.ID)
				settled++
			}
		}
		i.done()
	}
	return settled, errors.Join(errs...)
}

// claimed is an intent that nobody else works on until done is called.
type claimed struct {
	intents.Intent
	done func()
}

// idle claims the intents that nobody works on. They are read again once they
// are claimed: until then a request may have ended them.
func (s *Service) idle(ctx context.Context) ([]claimed, error) {
	open, err := s.cat.ListIntents(ctx)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	done := map[id.Intent]func(){}
	for _, i := range open {
		var at *keys.Pointer
		if k, err := s.cat.Key(ctx, i.Key); err == nil {
			at = k.Virtual
		}
		if d, ok := s.work.claim(i, at); ok {
			done[i.ID] = d
		}
	}
	var idle []claimed
	if open, err = s.cat.ListIntents(ctx); err == nil {
		for _, i := range open {
			if d, ok := done[i.ID]; ok {
				i.Abandoned = i.Abandoned || s.work.hasFailed(i.ID)
				idle = append(idle, claimed{i, d})
				delete(done, i.ID)
			}
		}
	}
	for _, d := range done {
		d()
	}
	return idle, err
}

func (s *Service) settle(ctx context.Context, i intents.Intent) (settled bool, err error) {
	g, b, err := s.home(ctx, i.Group)
	if err != nil {
		return false, err
	}
	if i.Kind == intents.Create || i.Kind == intents.Rotate {
		return s.settleCreate(ctx, b, g, i)
	}
	k, err := s.cat.Key(ctx, i.Key)
	if errors.Is(err, fault.NotFound) || err == nil && k.State == keys.Deleted { // there is nothing left to settle
		err = s.cat.EndIntent(ctx, i.ID)
		return err == nil, err
	}
	if err != nil {
		return false, err
	}
	switch i.Kind {
	case intents.Update:
		return s.settleUpdate(ctx, b, g, k, i)
	case intents.RemovePrivate:
		return s.settlePrivate(ctx, b, g, k, i)
	case intents.Destroy:
		return s.settleDestroy(ctx, b, g, k, i)
	default:
		return false, fault.New(fault.Internal, "intent %s is of the unknown kind %q", i.ID, i.Kind)
	}
}

func (s *Service) settleCreate(ctx context.Context, b backend.Backend, g groups.Group, i intents.Intent) (bool, error) {
	o := backend.Order{ID: i.Key, Group: g, Spec: i.Spec, Imported: i.Imported}
	made, err := b.Recover(ctx, o, false)
	if err == nil && made == nil {
		if s.fresh(i) {
			return false, nil
		}
		made, err = b.Recover(ctx, o, true)
	}
	switch {
	case err != nil:
		return false, err
	case made == nil:
		return s.record(ctx, i, "key "+string(i.Kind)+" given up", func() error { return s.cat.EndIntent(ctx, i.ID) })
	}
	k := s.newKey(i.Creator, o, *made)
	if !i.Abandoned {
		settled, err := s.record(ctx, i, "key "+string(i.Kind)+" completed", func() error {
			_, err := s.recordMade(ctx, g, k, i.CopiedOf, i.Replaces, i.ID)
			return err
		})
		if kind := fault.KindOf(err); kind != fault.Conflict && kind != fault.BadState && kind != fault.NotFound {
			return settled, err
		}
		// Something has happened to the other key since: there is no place for this one.
	}
	return s.record(ctx, i, "key "+string(i.Kind)+" undone", func() error {
		if err := b.Destroy(ctx, g, k); err != nil {
			return err
		}
		return s.cat.EndIntent(ctx, i.ID)
	})
}

// settleUpdate makes the pointer follow the HSM key, whatever label it has now,
// and takes permissions back that were to be changed: who asked for it was told
// that it failed, or nothing.
func (s *Service) settleUpdate(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key, i intents.Intent) (bool, error) {
	label := []byte(i.Spec.Name)
	named, permitted := bytes.Equal(k.Virtual.Label, label), k.Ops == i.Spec.Ops
	if named && permitted { // recorded
		err := s.cat.EndIntent(ctx, i.ID)
		return err == nil, err
	}
	moved := false
	if !named {
		var err error
		if moved, err = s.presentAs(ctx, b, g, k, label); err != nil {
			return false, err
		}
	}
	if s.fresh(i) && (!moved || !permitted) {
		return false, nil
	}
	action := "key update given up"
	switch {
	case !permitted:
		action = "key update undone"
	case moved:
		action = "key update completed"
	}
	return s.record(ctx, i, action, func() error {
		if moved {
			if err := s.repoint(ctx, k, label); err != nil {
				return err
			}
			k = k.Clone()
			k.Virtual.Label = label
		}
		if !permitted {
			if err := s.repermit(ctx, b, g, k, i.Spec.Ops); err != nil {
				return err
			}
		}
		return s.cat.EndIntent(ctx, i.ID)
	})
}

// repermit has the HSM key k permitted again what its virtual key is, of which
// it is not known whether it is permitted asked now. What cannot be taken back,
// or the HSM refuses to, is done instead: the virtual key follows.
func (s *Service) repermit(ctx context.Context, b backend.Backend, g groups.Group, k keys.Key, asked keys.Ops) error {
	kept := k.Ops
	if !asked.Has(keys.OpExport) {
		kept &^= keys.OpExport
	}
	err := b.Update(ctx, g, k, hsm.Change{Ops: &kept})
	if err != nil && !refusedChange(err) {
		return err
	}
	if err != nil {
		kept = asked
	}
	if kept == k.Ops {
		return nil
	}
	_, err = s.cat.UpdateKey(ctx, k.ID, func(now keys.Key) (keys.Key, error) {
		if now.Ops == k.Ops { // nobody has changed it since
			now.Ops = kept
		}
		return now, nil
	})
	return err
}

// refusedChange reports whether the HSM would not have a change, now and later.
func refusedChange(err error) bool {
	kind := fault.KindOf(err)
	return kind != fault.Unavailable && kind != fault.Internal && kind != fault.Exhausted
}

// fresh reports whether the token may still be at what i asks for.
func (s *Service) fresh(i intents.Intent) bool { return s.cfg.Now().Sub(i.StartedAt) < s.cfg.Grace }

// record settles an intent as a change made by recovery.
func (s *Service) record(ctx context.Context, i intents.Intent, action string, settle func() error) (settled bool, err error) {
	system := access.Caller{Principal: id.Principal{Kind: id.SystemPrincipal, ID: "recovery"}, Account: i.Account}
	e := ledger.Entry{Caller: system, Action: action, Object: string(i.Key), Group: i.Group}
	err = s.ledger.Change(ctx, e, func(*ledger.Entry) error { return settle() })
	return err == nil, err
}
