package steps

import (
	"context"
	"errors"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

func looseSteps() []Step {
	return []Step{
		{Given, `^the application has a transient AES key$`, on0((*scenario).hasTransient)},
		{When, `^the application makes a transient AES key$`, on0((*scenario).makesTransient)},
		{When, `^the application encrypts the value of the transient key with "([^"]*)"$`, on1((*scenario).encryptsTransient)},
		{When, `^another application uses the transient key$`, on0((*scenario).othersUseTransient)},
		{When, `^the application keeps the transient key as "([^"]*)" in "([^"]*)"$`, on2((*scenario).persists)},
		{Then, `^the transient key encrypts$`, on0((*scenario).transientEncrypts)},
		{Then, `^the transient key is the same as "([^"]*)"$`, on1((*scenario).transientIs)},
		{Then, `^the service has no keys$`, on0((*scenario).noKeys)},
	}
}

func (s *scenario) transient() *dsmwire.SobjectDescriptor {
	return &dsmwire.SobjectDescriptor{TransientKey: s.loose.TransientKey}
}

func (s *scenario) hasTransient(ctx context.Context) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	yes, bits := true, uint32(256)
	s.loose, err = app.Generate(ctx, dsmwire.SobjectRequest{
		ObjType: "AES", KeySize: &bits, Transient: &yes, KeyOps: &[]string{"ENCRYPT", "DECRYPT", "EXPORT"},
	})
	return err
}

func (s *scenario) makesTransient(ctx context.Context) error { return s.did(s.hasTransient(ctx)) }

// encryptsTransient does what stores of data keys do.
func (s *scenario) encryptsTransient(ctx context.Context, name string) error {
	_, err := s.app.Export(ctx, *s.transient())
	if err == nil {
		err = s.encrypt(ctx, name, "CBC")
	}
	return s.did(err)
}

func (s *scenario) othersUseTransient(ctx context.Context) error {
	_, err := s.stranger(ctx)
	if err != nil {
		return err
	}
	return s.did(s.encryptLoose(ctx))
}

// stranger makes another application of the account act from now on.
func (s *scenario) stranger(ctx context.Context) (*dsmclient.Client, error) {
	for name := range s.groups {
		return s.app, s.makeApplication(ctx, "stranger", name)
	}
	return nil, errors.New("the scenario has no group for another application")
}

func (s *scenario) encryptLoose(ctx context.Context) error {
	_, err := s.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: s.transient(), Alg: "AES", Mode: modeNamed("GCM"), Plain: []byte(message)})
	return err
}

func (s *scenario) persists(ctx context.Context, name, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	_, err = s.app.Persist(ctx, dsmwire.PersistTransientKeyRequest{TransientKey: s.loose.TransientKey, Name: name, GroupID: &g.GroupID})
	return s.did(err)
}

func (s *scenario) transientEncrypts(ctx context.Context) error {
	if s.outcome != nil {
		return s.outcome
	}
	return s.encryptLoose(ctx)
}

func (s *scenario) transientIs(ctx context.Context, name string) error {
	if s.outcome != nil {
		return s.outcome
	}
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return sameKey(k, s.loose)
}

func (s *scenario) noKeys(ctx context.Context) error {
	all, err := s.admin.Keys(ctx, dsmclient.KeyQuery{})
	if err != nil {
		return err
	}
	return expect("stored keys", len(all), 0)
}
