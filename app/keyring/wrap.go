package keyring

import (
	"context"
	"strings"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/backend"
)

// Wrap encrypts a key, the subject, with another: who may do that may take the
// subject out. Build makes the operation once the wrapping key is known. Both
// keys are in the log, before the subject leaves and after.
func (s *Service) Wrap(ctx context.Context, c access.Caller, with, subject Descriptor, build func(keys.Key) (operations.Wrap, error)) (operations.Result, error) {
	e := ledger.Entry{Caller: c, Action: "key wrap"}
	k, sub, w, err := s.wrapping(ctx, c, with, subject, build, &e)
	defer s.forget(ctx, with, k)
	defer s.forget(ctx, subject, sub)
	if err != nil {
		return operations.Result{}, s.refused(ctx, e, err)
	}
	var res operations.Result
	err = s.ledger.Change(ctx, e, func(*ledger.Entry) error {
		now := s.cfg.Now()
		a, err := access.AuthoriseUse(c, k, w, now)
		if err != nil {
			return err
		}
		if err := access.ExportWrapped(c, sub, with.public(k).ID, now); err != nil {
			return err
		}
		if err := operations.CheckSubject(w, k, sub); err != nil {
			return err
		}
		if res, err = s.wrap(ctx, with, k, a, subject, sub); err != nil {
			return err
		}
		if err := s.stillPermits(ctx, with, k, keys.OpWrap); err != nil {
			return err
		}
		return s.stillPermits(ctx, subject, sub, keys.OpExport)
	})
	if err != nil {
		return operations.Result{}, err
	}
	return res, nil
}

// wrapping finds both keys, and says so in e.
func (s *Service) wrapping(ctx context.Context, c access.Caller, with, subject Descriptor,
	build func(keys.Key) (operations.Wrap, error), e *ledger.Entry,
) (k, sub keys.Key, w operations.Wrap, err error) {
	if sub, err = s.findAny(ctx, c, subject); err != nil {
		return k, sub, w, err
	}
	e.Object, e.Group = string(sub.ID), sub.Group
	if k, err = s.findAny(ctx, c, with); err != nil {
		return k, sub, w, err
	}
	e.About = "wrapped with key " + string(k.ID)
	w, err = build(k)
	return k, sub, w, err
}

// wrap brings the two keys together where that is possible.
func (s *Service) wrap(ctx context.Context, with Descriptor, k keys.Key, a *access.Authorised, subject Descriptor, sub keys.Key) (operations.Result, error) {
	g, b, err := s.place(ctx, with, k)
	if err != nil {
		return operations.Result{}, err
	}
	from, holder, err := s.place(ctx, subject, sub)
	if err != nil {
		return operations.Result{}, err
	}
	if from.Kind != groups.Ordinary {
		if g.ID != from.ID {
			return operations.Result{}, fault.New(fault.Unsupported, "wrapping a key in an HSM is not supported with a key outside of its group")
		}
		return b.Wrap(ctx, g, a, backend.Subject{Key: sub})
	}
	material, err := holder.Export(ctx, from, sub)
	if err != nil {
		return operations.Result{}, err
	}
	defer material.Wipe()
	return b.Wrap(ctx, g, a, backend.Subject{Key: sub, Material: material})
}

// CheckKCV compares the check value that a caller expects of a value with its
// own; Invalid when it is another.
func (s *Service) CheckKCV(ctx context.Context, c access.Caller, in Inline, kcv string) error {
	k, err := s.inline(ctx, c, in)
	if err != nil {
		return err
	}
	defer s.forget(ctx, Descriptor{Inline: &in}, k)
	return checkKCV(kcv, k.KCV, k.KCVCMAC)
}

// checkKCV compares an expected check value with those of a key, by either method.
func checkKCV(want string, is ...string) error {
	if want == "" {
		return nil
	}
	for _, v := range is {
		if v != "" && strings.EqualFold(want, v) {
			return nil
		}
	}
	return fault.New(fault.Invalid, "kcv is not the one of the value")
}
