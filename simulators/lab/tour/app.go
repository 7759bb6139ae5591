package tour

import (
	"context"
	"fmt"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

func (t *Tour) makeApp(ctx context.Context, _ Progress) (string, error) {
	name, ordinary := "payments", "Ordinary keys"
	var err error
	if t.ordinary, err = t.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: &ordinary}); err != nil {
		return "", err
	}
	permissions := []string{"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "MACGENERATE", "MACVERIFY", "EXPORT", "MANAGE"}
	app, err := t.admin.CreateApp(ctx, dsmwire.AppRequest{
		Name: &name, DefaultGroup: &t.hsm.GroupID,
		AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{t.hsm.GroupID: permissions, t.ordinary.GroupID: permissions}},
	})
	if err != nil {
		return "", err
	}
	if t.apiKey, err = t.admin.AppAPIKey(ctx, app.AppID); err != nil {
		return "", err
	}
	if t.app, err = connect(t.lab.Service, dsmclient.Config{APIKey: t.apiKey}); err != nil {
		return "", err
	}
	if _, err := t.app.Login(ctx); err != nil {
		return "", err
	}
	keys, err := allKeys(ctx, t.app, t.hsm.GroupID)
	if err != nil {
		return "", err
	}
	if len(keys) != len(t.virtual) {
		return "", fmt.Errorf("the app sees %d of %d keys", len(keys), len(t.virtual))
	}
	return fmt.Sprintf("%q logs in with its API key and sees the %d keys of its group", name, len(keys)), nil
}
