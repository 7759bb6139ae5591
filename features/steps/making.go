package steps

import (
	"context"
	"slices"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
)

func makingSteps() []Step {
	return []Step{
		{Given, `^the application "([^"]*)" in "([^"]*)"$`, on2((*scenario).makeApplication)},
		{Given, `^the application may export from "([^"]*)"$`, on1((*scenario).mayExport)},
		{Given, `^the application "([^"]*)" in "([^"]*)", which may export from it and use "([^"]*)" too$`, on3((*scenario).makeApplicationOfTwo)},
		{Given, `^the application may use "([^"]*)" too$`, on1((*scenario).mayUse)},
		{Given, `^an AES key "([^"]*)" in "([^"]*)"$`, on2((*scenario).administratorsKey)},
		{Given, `^the application has generated the (\S+(?: \S+)?) key "([^"]*)" in "([^"]*)"$`, on3((*scenario).generate)},
		{Given, `^the application has generated the (\S+(?: \S+)?) key "([^"]*)" in "([^"]*)" that may only encrypt$`, on3((*scenario).generateEncryptOnly)},
		{When, `^the application generates the (\S+(?: \S+)?) key "([^"]*)" in "([^"]*)"$`, on3((*scenario).generates)},
		{When, `^the application generates the (\S+(?: \S+)?) key "([^"]*)" in "([^"]*)" that may only encrypt$`, on3((*scenario).generatesEncryptOnly)},
		{Given, `^the application has imported the (\S+(?: \S+)?) key "([^"]*)" into "([^"]*)"$`, on3((*scenario).importKey)},
		{When, `^the application imports the (\S+(?: \S+)?) key "([^"]*)" into "([^"]*)"$`, on3((*scenario).imports)},
		{When, `^the application imports the exportable (\S+(?: \S+)?) key "([^"]*)" into "([^"]*)"$`, on3((*scenario).importsExportable)},
		{When, `^the application imports "not a key" as the RSA key "([^"]*)" into "([^"]*)"$`, on2((*scenario).importsNonsense)},
		{When, `^the application renames "([^"]*)" to "([^"]*)"$`, on2((*scenario).applicationRenames)},
		{When, `^the application deletes the key "([^"]*)"$`, on1((*scenario).applicationDeletes)},
		{Given, `^the administrator has disabled the key "([^"]*)"$`, on1((*scenario).disable)},
		{When, `^the administrator takes the permission to encrypt from "([^"]*)"$`, on1((*scenario).takesEncrypt)},
		{When, `^the administrator renames "([^"]*)" to "([^"]*)"$`, on2((*scenario).administratorRenames)},
		{When, `^the administrator deletes the key "([^"]*)"$`, on1((*scenario).administratorDeletes)},
	}
}

func (s *scenario) makeApplication(ctx context.Context, name, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	a, err := s.admin.CreateApp(ctx, dsmwire.AppRequest{Name: &name, AddGroups: dsmwire.AppGroups{IDs: []string{g.GroupID}}})
	if err != nil {
		return err
	}
	key, err := s.admin.AppAPIKey(ctx, a.AppID)
	if err != nil {
		return err
	}
	s.appID = a.AppID
	if s.app, err = dsmclient.New(dsmclient.Config{Endpoint: s.stage.Endpoint, Transport: s.stage.Transport, APIKey: key}); err != nil {
		return err
	}
	_, err = s.app.Login(ctx)
	return err
}

func (s *scenario) mayExport(ctx context.Context, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	a, err := s.admin.App(ctx, s.appID)
	if err != nil {
		return err
	}
	permissions := map[string][]string{g.GroupID: append(a.Groups.Permissions[g.GroupID], "EXPORT")}
	_, err = s.admin.UpdateApp(ctx, s.appID, dsmwire.AppRequest{ModGroups: dsmwire.AppGroups{Permissions: permissions}})
	return err
}

// mayUse adds the application to a further group.
func (s *scenario) mayUse(ctx context.Context, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	_, err = s.admin.UpdateApp(ctx, s.appID, dsmwire.AppRequest{AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{g.GroupID: append(slices.Clone(everyPermission), "WRAPKEY", "UNWRAPKEY")}}})
	return err
}

// keyIn describes a new key in a group.
func (s *scenario) keyIn(kind, name, group string, ops ...string) (dsmwire.SobjectRequest, error) {
	r, err := kindOf(kind)
	if err != nil {
		return r, err
	}
	g, err := s.group(group)
	r.Name, r.GroupID = &name, &g.GroupID
	if len(ops) > 0 {
		r.KeyOps = &ops
	}
	return r, err
}

func (s *scenario) administratorsKey(ctx context.Context, name, group string) error {
	r, err := s.keyIn("AES", name, group)
	if err != nil {
		return err
	}
	_, err = s.admin.Generate(ctx, r)
	return err
}

func (s *scenario) generateWith(ctx context.Context, kind, name, group string, ops ...string) error {
	r, err := s.keyIn(kind, name, group, ops...)
	if err != nil {
		return err
	}
	app, err := s.application()
	if err != nil {
		return err
	}
	_, err = app.Generate(ctx, r)
	return err
}

func (s *scenario) generate(ctx context.Context, kind, name, group string) error {
	return s.generateWith(ctx, kind, name, group)
}

func (s *scenario) generateEncryptOnly(ctx context.Context, kind, name, group string) error {
	return s.generateWith(ctx, kind, name, group, "ENCRYPT")
}

func (s *scenario) generates(ctx context.Context, kind, name, group string) error {
	return s.did(s.generate(ctx, kind, name, group))
}

func (s *scenario) generatesEncryptOnly(ctx context.Context, kind, name, group string) error {
	return s.did(s.generateEncryptOnly(ctx, kind, name, group))
}

// importWith makes a key outside the service and imports it.
func (s *scenario) importWith(ctx context.Context, kind, name, group string, ops ...string) error {
	r, err := s.keyIn(kind, name, group, ops...)
	if err != nil {
		return err
	}
	o, err := s.newOriginal(r)
	if err != nil {
		return err
	}
	app, err := s.application()
	if err != nil {
		return err
	}
	s.originals[name] = o
	r.Value = dsmwire.NewSecretBytes(secret.New(o.value))
	_, err = app.Import(ctx, r)
	return err
}

func (s *scenario) importKey(ctx context.Context, kind, name, group string) error {
	return s.importWith(ctx, kind, name, group)
}

func (s *scenario) imports(ctx context.Context, kind, name, group string) error {
	return s.did(s.importKey(ctx, kind, name, group))
}

func (s *scenario) importsExportable(ctx context.Context, kind, name, group string) error {
	return s.did(s.importWith(ctx, kind, name, group, "ENCRYPT", "DECRYPT", "EXPORT", "APPMANAGEABLE"))
}

func (s *scenario) importsNonsense(ctx context.Context, name, group string) error {
	r, err := s.keyIn("RSA", name, group)
	if err != nil {
		return err
	}
	app, err := s.application()
	if err != nil {
		return err
	}
	r.Value = dsmwire.NewSecretBytes(secret.FromString("this is certainly not a key"))
	_, err = app.Import(ctx, r)
	return s.did(err)
}

func (s *scenario) update(ctx context.Context, c *dsmclient.Client, name string, r dsmwire.SobjectRequest) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	_, err = c.UpdateKey(ctx, k.KID, r)
	return err
}

func (s *scenario) delete(ctx context.Context, c *dsmclient.Client, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	return c.DeleteKey(ctx, k.KID)
}

func (s *scenario) applicationRenames(ctx context.Context, name, to string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	return s.did(s.update(ctx, app, name, dsmwire.SobjectRequest{Name: &to}))
}

func (s *scenario) applicationDeletes(ctx context.Context, name string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	return s.did(s.delete(ctx, app, name))
}

func (s *scenario) disable(ctx context.Context, name string) error {
	enabled := false
	return s.update(ctx, s.admin, name, dsmwire.SobjectRequest{Enabled: &enabled})
}

func (s *scenario) takesEncrypt(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(k.KeyOps), func(op string) bool { return op == "ENCRYPT" })
	return s.did(s.update(ctx, s.admin, name, dsmwire.SobjectRequest{KeyOps: &rest}))
}

func (s *scenario) administratorRenames(ctx context.Context, name, to string) error {
	return s.did(s.update(ctx, s.admin, name, dsmwire.SobjectRequest{Name: &to}))
}

func (s *scenario) administratorDeletes(ctx context.Context, name string) error {
	return s.did(s.delete(ctx, s.admin, name))
}

// makeApplicationOfTwo makes an application that may use two groups.
func (s *scenario) makeApplicationOfTwo(ctx context.Context, name, group, other string) error {
	if err := s.makeApplication(ctx, name, group); err != nil {
		return err
	}
	if err := s.mayExport(ctx, group); err != nil {
		return err
	}
	return s.mayUse(ctx, other)
}
