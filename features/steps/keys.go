package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

func keySteps() []Step {
	return []Step{
		{Then, `^the key "([^"]*)" is (?:still )?a virtual key of "([^"]*)"$`, on2((*scenario).isVirtual)},
		{Then, `^the key "([^"]*)" is an ordinary key of "([^"]*)"$`, on2((*scenario).isOrdinary)},
		{Then, `^"([^"]*)" has the key "([^"]*)"$`, on2((*scenario).hasKey)},
		{Then, `^"([^"]*)" has the keys "([^"]*)" and "([^"]*)"$`, on3((*scenario).hasKeys)},
		{Then, `^the two keys "([^"]*)" have different public keys$`, on1((*scenario).twinsDiffer)},
		{Then, `^the key "([^"]*)" is public only$`, on1((*scenario).isPublicOnly)},
		{Then, `^the key "([^"]*)" is reported missing$`, on1((*scenario).isMissing)},
		{Then, `^the key "([^"]*)" is (?:no longer|not) missing$`, on1((*scenario).isNotMissing)},
		{Then, `^the key "([^"]*)" has the CKA_ID ([0-9a-f]+) and the CKA_LABEL "([^"]*)"$`, on3((*scenario).hasAttributes)},
		{When, `^the administrator looks for keys with the CKA_LABEL "([^"]*)"$`, on1((*scenario).looksForLabel)},
		{When, `^the administrator looks for keys with the CKA_ID ([0-9a-f]+)$`, on1((*scenario).looksForID)},
		{Then, `^the key "([^"]*)" is found and no other$`, on1((*scenario).isFoundAlone)},
		{Then, `^there is no key "([^"]*)"$`, on1((*scenario).noKey)},
		{Then, `^there is a key "([^"]*)" and no key "([^"]*)"$`, on2((*scenario).keyAndNoKey)},
		{Then, `^the key "([^"]*)" may not encrypt$`, on1((*scenario).mayNotEncrypt)},
		{Then, `^the value of "([^"]*)" is nowhere in the service's database$`, on1((*scenario).valueNotStored)},
		{Then, `^the value of "([^"]*)" is exported as it was given$`, on1((*scenario).valueExported)},
		{Then, `^the value of "([^"]*)" cannot be exported$`, on1((*scenario).valueNotExported)},
	}
}

// keyOf returns a key, which must be in a group.
func (s *scenario) keyOf(ctx context.Context, name, group string) (dsmwire.Sobject, error) {
	g, err := s.group(group)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	k, err := s.key(ctx, name)
	if err != nil {
		return k, err
	}
	return k, expect("group of "+name, k.GroupID, g.GroupID)
}

func (s *scenario) isVirtual(ctx context.Context, name, group string) error {
	k, err := s.keyOf(ctx, name, group)
	if err == nil && k.External == nil {
		err = fmt.Errorf("%q is no virtual key", name)
	}
	return err
}

func (s *scenario) isOrdinary(ctx context.Context, name, group string) error {
	k, err := s.keyOf(ctx, name, group)
	if err == nil && k.External != nil {
		err = fmt.Errorf("%q is a virtual key", name)
	}
	return err
}

func (s *scenario) hasKey(ctx context.Context, group, name string) error {
	_, err := s.keyOf(ctx, name, group)
	return err
}

func (s *scenario) hasKeys(ctx context.Context, group, one, other string) error {
	return errors.Join(s.hasKey(ctx, group, one), s.hasKey(ctx, group, other))
}

func (s *scenario) twinsDiffer(ctx context.Context, label string) error {
	found, err := s.admin.Keys(ctx, dsmclient.KeyQuery{Label: &label})
	if err != nil {
		return err
	}
	if err := expect("keys with the label", len(found), 2); err != nil {
		return err
	}
	if len(found[0].PubKey) == 0 || len(found[1].PubKey) == 0 || bytes.Equal(found[0].PubKey, found[1].PubKey) {
		return errors.New("the public keys are missing, or do not differ")
	}
	return nil
}

func (s *scenario) isPublicOnly(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return expect("public only", k.PublicOnly, true)
}

// missing reports whether a virtual key is marked missing.
func (s *scenario) missing(ctx context.Context, name string) (bool, error) {
	k, err := s.key(ctx, name)
	if err != nil {
		return false, err
	}
	if k.Gatehouse == nil {
		return false, fmt.Errorf("%q is no virtual key", name)
	}
	return !k.Gatehouse.MissingSince.Time().IsZero(), nil
}

func (s *scenario) isMissing(ctx context.Context, name string) error {
	got, err := s.missing(ctx, name)
	if err != nil {
		return err
	}
	return expect("missing", got, true)
}

func (s *scenario) isNotMissing(ctx context.Context, name string) error {
	got, err := s.missing(ctx, name)
	if err != nil {
		return err
	}
	return expect("missing", got, false)
}

func (s *scenario) hasAttributes(ctx context.Context, name, id, label string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	if k.External == nil {
		return fmt.Errorf("%q is no virtual key", name)
	}
	return errors.Join(
		expect("CKA_ID", fmt.Sprintf("%x", k.External.ID.ID), id),
		expect("CKA_LABEL", string(k.External.ID.Label), label),
	)
}

func (s *scenario) looksForLabel(ctx context.Context, label string) (err error) {
	s.listed, err = s.admin.Keys(ctx, dsmclient.KeyQuery{Label: &label})
	return s.did(err)
}

func (s *scenario) looksForID(ctx context.Context, id string) error {
	raw, err := unhex(id)
	if err != nil {
		return err
	}
	s.listed, err = s.admin.Keys(ctx, dsmclient.KeyQuery{CKAID: raw})
	return s.did(err)
}

func (s *scenario) isFoundAlone(_ context.Context, name string) error {
	if err := expect("keys found", len(s.listed), 1); err != nil {
		return err
	}
	return expect("key found", s.listed[0].Name, name)
}

func (s *scenario) noKey(ctx context.Context, name string) error {
	_, err := s.key(ctx, name)
	switch {
	case err == nil:
		return fmt.Errorf("there is a key %q, want none", name)
	case isRefusal(err, fault.NotFound):
		return nil
	default:
		return err
	}
}

func (s *scenario) keyAndNoKey(ctx context.Context, name, none string) error {
	_, err := s.key(ctx, name)
	return errors.Join(err, s.noKey(ctx, none))
}

func (s *scenario) mayNotEncrypt(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return expect("may encrypt", slices.Contains(k.KeyOps, "ENCRYPT"), false)
}

// original returns a key that the scenario has made outside the service.
func (s *scenario) original(name string) (original, error) {
	o, made := s.originals[name]
	if !made {
		return o, fmt.Errorf("nobody has made a key %q outside the service", name)
	}
	return o, nil
}

func (s *scenario) valueNotStored(_ context.Context, name string) error {
	o, err := s.original(name)
	if err != nil {
		return err
	}
	found, err := s.stage.Scan(o.value)
	if err != nil {
		return err
	}
	return expect("the value is in the database", found, false)
}

func (s *scenario) valueExported(ctx context.Context, name string) error {
	o, err := s.original(name)
	if err != nil {
		return err
	}
	k, err := s.app.Export(ctx, dsmclient.ByName(name))
	if err != nil {
		return err
	}
	return expect("the value is as it was given", k.Value.Secret().Equal(secret.New(o.value)), true)
}

func (s *scenario) valueNotExported(ctx context.Context, name string) error {
	_, err := s.app.Export(ctx, dsmclient.ByName(name))
	switch {
	case err == nil:
		return errors.New("the value was exported, want that it stays")
	case isRefusal(err, fault.Denied), isRefusal(err, fault.Unsupported):
		return nil
	default:
		return err
	}
}
