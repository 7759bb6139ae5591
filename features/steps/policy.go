package steps

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// Behind is what somebody else does to keys in an HSM, beside adding and
// removing them.
type Behind struct {
	Change   func(id []byte, c hsm.Change) (int, error) // of all objects with this CKA_ID; it returns how many there are
	AddFixed func(o hsm.Object, material secret.Value) error
}

func policySteps() []Step {
	apply, own := func(r *dsmwire.GroupRequest) { r.HmgSync = ptr(true) }, func(r *dsmwire.GroupRequest) { r.HmgSegregation = ptr(true) }
	keep, all := func(r *dsmwire.GroupRequest) { r.HmgSync = ptr(false) }, func(r *dsmwire.GroupRequest) { r.HmgSegregation = ptr(false) }
	return []Step{
		{Given, `^the HSM group "([^"]*)" that applies changes$`, groupWith(apply)},
		{Given, `^the HSM group "([^"]*)" that applies changes, synced$`, on1((*scenario).applyingSynced)},
		{Given, `^the HSM group "([^"]*)" of its own keys only$`, groupWith(own)},
		{Given, `^"([^"]*)" (?:now )?applies changes$`, groupSet(apply)},
		{Given, `^"([^"]*)" no longer applies changes$`, groupSet(keep)},
		{Given, `^"([^"]*)" now takes in its own keys only$`, groupSet(own)},
		{Given, `^"([^"]*)" now takes in all keys$`, groupSet(all)},
		{Given, `^the HSM holds the AES key "([^"]*)", whose attributes are fixed$`, on1((*scenario).holdsFixed)},
		{Given, `^the administrator has taken the permission to encrypt from "([^"]*)"$`, on1((*scenario).takeEncrypt)},
		{Given, `^somebody gives the HSM key "([^"]*)" the permission to encrypt$`, on1((*scenario).somebodyGivesEncrypt)},
		{Given, `^somebody takes the permission to encrypt from the HSM key "([^"]*)"$`, on1((*scenario).somebodyTakesEncrypt)},
		{Given, `^somebody renames the HSM key "([^"]*)" to "([^"]*)"$`, on2((*scenario).othersRename)},
		{Given, `^the administrator has deleted the key "([^"]*)"$`, on1((*scenario).deleteKey)},
		{Given, `^the administrator has removed the private half of "([^"]*)"$`, on1((*scenario).removePrivate)},
		{When, `^the administrator removes the private half of "([^"]*)"$`, on1((*scenario).removesPrivate)},
		{When, `^the administrator deactivates "([^"]*)"$`, on1((*scenario).deactivates)},
		{When, `^the administrator destroys the key "([^"]*)"$`, on1((*scenario).destroys)},
		{Given, `^the administrator has destroyed the key "([^"]*)"$`, on1((*scenario).destroy)},
		{Then, `^the key "([^"]*)" may encrypt$`, on1((*scenario).mayEncrypt)},
		{Then, `^the key "([^"]*)" is in state ([A-Z][A-Za-z]+)$`, on2((*scenario).isInState)},
		{Then, `^"([^"]*)" has (\d+) keys?$`, on2((*scenario).hasCount)},
		{Then, `^the HSM (holds|no longer holds) the private half of "([^"]*)"$`, on2((*scenario).holdsPrivate)},
		{Then, `^it is refused because the HSM does not permit it$`, on0((*scenario).refusedByHSM)},
	}
}

func ptr[T any](v T) *T { return &v }

// groupWith makes a group linked to the scenario's HSM with settings.
func groupWith(settings ...func(*dsmwire.GroupRequest)) func(context.Context, string) error {
	return on1(func(s *scenario, ctx context.Context, name string) error {
		c, err := s.connection(ctx)
		if err != nil {
			return err
		}
		r := dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}}
		for _, set := range settings {
			set(&r)
		}
		return s.makeGroup(ctx, r)
	})
}

func (s *scenario) applyingSynced(ctx context.Context, name string) error {
	if err := groupWith(func(r *dsmwire.GroupRequest) { r.HmgSync = ptr(true) })(ctx, name); err != nil {
		return err
	}
	return s.sync(ctx, name)
}

// groupSet changes a setting of a group.
func groupSet(set func(*dsmwire.GroupRequest)) func(context.Context, string) error {
	return on1(func(s *scenario, ctx context.Context, name string) error {
		g, err := s.group(name)
		if err != nil {
			return err
		}
		var r dsmwire.GroupRequest
		set(&r)
		_, err = s.admin.UpdateGroup(ctx, g.GroupID, r)
		return err
	})
}

func (s *scenario) holdsFixed(ctx context.Context, label string) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	o := aes(label, s.nextID())
	s.estate = append(s.estate, o)
	return s.hsm.Behind.AddFixed(o.Object, secret.New(o.material))
}

func (s *scenario) takeEncrypt(ctx context.Context, name string) error {
	if err := s.takesEncrypt(ctx, name); err != nil {
		return err
	}
	return s.outcome
}

func (s *scenario) deleteKey(ctx context.Context, name string) error {
	return s.delete(ctx, s.admin, name)
}

// somebody changes a key in the HSM, whoever made it.
func (s *scenario) somebody(label string, change func(hsm.Object) hsm.Change) error {
	objects, err := s.hsm.Objects()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(objects, func(o hsm.Object) bool { return string(o.Label) == label })
	if i < 0 {
		return fmt.Errorf("the HSM holds no key with the label %q", label)
	}
	n, err := s.hsm.Behind.Change(objects[i].ID, change(objects[i]))
	if err == nil && n == 0 {
		err = fmt.Errorf("nothing in the HSM has the id of %q", label)
	}
	return err
}

func (s *scenario) somebodyGivesEncrypt(_ context.Context, label string) error {
	return s.somebody(label, func(o hsm.Object) hsm.Change { return hsm.Change{Ops: ptr(o.Ops | keys.OpEncrypt)} })
}

func (s *scenario) somebodyTakesEncrypt(_ context.Context, label string) error {
	return s.somebody(label, func(o hsm.Object) hsm.Change { return hsm.Change{Ops: ptr(o.Ops &^ keys.OpEncrypt)} })
}

func (s *scenario) othersRename(_ context.Context, label, to string) error {
	return s.somebody(label, func(hsm.Object) hsm.Change { return hsm.Change{Label: ptr([]byte(to))} })
}

// with does something to a key that is named.
func (s *scenario) with(ctx context.Context, name string, do func(ctx context.Context, kid string) error) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return do(ctx, k.KID)
}

func (s *scenario) removePrivate(ctx context.Context, name string) error {
	return s.with(ctx, name, s.admin.RemovePrivate)
}

func (s *scenario) removesPrivate(ctx context.Context, name string) error {
	return s.did(s.removePrivate(ctx, name))
}

func (s *scenario) deactivates(ctx context.Context, name string) error {
	return s.did(s.with(ctx, name, func(ctx context.Context, kid string) error {
		return s.admin.Revoke(ctx, kid, dsmwire.RevocationReason{Code: "Superseded"})
	}))
}

// destroy destroys a key, which has to be deactivated first.
func (s *scenario) destroy(ctx context.Context, name string) error {
	return s.with(ctx, name, func(ctx context.Context, kid string) error {
		if err := s.admin.Revoke(ctx, kid, dsmwire.RevocationReason{Code: "CessationOfOperation"}); err != nil {
			return err
		}
		return s.admin.Destroy(ctx, kid)
	})
}

func (s *scenario) destroys(ctx context.Context, name string) error {
	return s.did(s.destroy(ctx, name))
}

func (s *scenario) mayEncrypt(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return expect("may encrypt", slices.Contains(k.KeyOps, "ENCRYPT"), true)
}

func (s *scenario) isInState(ctx context.Context, name, state string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return expect("state", k.State, state)
}

func (s *scenario) hasCount(ctx context.Context, group, count string) error {
	want, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	g, err := s.group(group)
	if err != nil {
		return err
	}
	n := 0
	err = s.admin.AllKeys(ctx, dsmclient.KeyQuery{GroupID: g.GroupID}, func(dsmwire.Sobject) error { n++; return nil })
	if err != nil {
		return err
	}
	return expect("keys of "+group, n, want)
}

func (s *scenario) holdsPrivate(_ context.Context, holds, label string) error {
	objects, err := s.hsm.Objects()
	if err != nil {
		return err
	}
	half := func(c hsm.Class) bool {
		return slices.ContainsFunc(objects, func(o hsm.Object) bool { return o.Class == c && string(o.Label) == label })
	}
	if !half(hsm.PublicKey) {
		return fmt.Errorf("the HSM holds no public half of %q", label)
	}
	return expect("the HSM holds the private half", half(hsm.PrivateKey), holds == "holds")
}

func (s *scenario) refusedByHSM(context.Context) error {
	return s.wasRefused(fault.Denied, "HSM")
}
