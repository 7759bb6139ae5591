package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/features/relay"
)

// Service is where another service listens. It is this one, of which another
// account is used.
type Service struct {
	Address string // host:port
	TLS     dsmwire.TLSConfig
	// WrongLogins is how many logins it has refused; nil where nobody counts.
	WrongLogins func() int
}

func serviceSteps() []Step {
	return []Step{
		{Given, `^the HSM is another service$`, on0((*scenario).hsmIsService)},
		{Given, `^the owner renames the key "([^"]*)" in the other service to "([^"]*)"$`, on2((*scenario).ownerRenames)},
		{Given, `^the HSM group "([^"]*)" that leads back to this service$`, on1((*scenario).groupLeadsBack)},
		{Then, `^the group "([^"]*)" is linked to another service$`, on1((*scenario).groupIsOfService)},
		{Then, `^it is refused by the other service$`, on0((*scenario).isRefusedThere)},
		{Then, `^the key "([^"]*)" is known by its id in the other service$`, on1((*scenario).knownByID)},
	}
}

// everyPermission is what the app of the other service may do.
var everyPermission = []string{"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "MACGENERATE", "MACVERIFY", "EXPORT", "MANAGE"}

// hsmIsService makes another account of the service the scenario's HSM.
func (s *scenario) hsmIsService(ctx context.Context) error {
	at, err := s.stage.NewService(ctx)
	if err != nil {
		return fmt.Errorf("setting up another service: %w", err)
	}
	admin, err := s.stage.inAccount(ctx)
	if err != nil {
		return err
	}
	name := "shared with others"
	g, err := admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: &name})
	if err != nil {
		return err
	}
	key, err := serviceApp(ctx, admin, "for the others", g.GroupID)
	if err != nil {
		return err
	}
	own, err := serviceApp(ctx, admin, "for the owner", g.GroupID)
	if err != nil {
		return err
	}
	app, err := dsmclient.New(dsmclient.Config{Endpoint: s.stage.Endpoint, Transport: s.stage.Transport, APIKey: own})
	if err != nil {
		return err
	}
	s.hsm = HSM{Token: &serviceToken{app: app, kids: map[string]string{}}, Kind: "Fortanix", Gateway: at.Address, TLS: at.TLS, Key: key}
	if at.WrongLogins != nil {
		s.hsm.Simulated = &Simulator{WrongLogins: at.WrongLogins}
	}
	s.way, err = relay.New(ctx, at.Address)
	return err
}

// serviceApp makes an app of a group and returns its API key.
func serviceApp(ctx context.Context, admin *dsmclient.Client, name, group string) (secret.Value, error) {
	a, err := admin.CreateApp(ctx, dsmwire.AppRequest{
		Name: &name, DefaultGroup: &group, AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{group: everyPermission}},
	})
	if err != nil {
		return secret.Value{}, err
	}
	return admin.AppAPIKey(ctx, a.AppID)
}

// groupLeadsBack makes a group whose keys are in another service, which makes
// new keys in this very group.
func (s *scenario) groupLeadsBack(ctx context.Context, name string) error {
	at, err := s.stage.NewService(ctx)
	if err != nil {
		return err
	}
	settings := at.TLS
	c := dsmwire.HmgConfig{Kind: "Fortanix", URL: at.Address, TLS: &settings}
	if err := s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}}); err != nil {
		return err
	}
	key, err := serviceApp(ctx, s.admin, "round in a circle", s.groups[name].GroupID)
	if err != nil {
		return err
	}
	s.hsm.Kind = c.Kind
	return s.correct(ctx, name, dsmwire.HmgConfig{Kind: c.Kind, PIN: dsmwire.NewSecretText(key)})
}

func (s *scenario) groupIsOfService(ctx context.Context, name string) error {
	h, err := s.shownConnection(ctx, name)
	if err != nil {
		return err
	}
	if h.Slot != nil || !h.PIN.IsZero() {
		return errors.New("the connection shows a slot, or its API key")
	}
	return errors.Join(expect("kind", h.Kind, "Fortanix"), expect("address", h.URL, s.way.Address()))
}

// isRefusedThere takes any refusal for it: which comes first in a circle is the
// service's business.
func (s *scenario) isRefusedThere(context.Context) error {
	s.met = true
	if !isRefusal(s.outcome, fault.Unsupported) && !isRefusal(s.outcome, fault.Conflict) {
		return fmt.Errorf("got %w, want it refused by the other service", s.outcome)
	}
	return says("the refusal", s.outcome.Error(), "the other service")
}

func (s *scenario) knownByID(ctx context.Context, name string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	if k.External == nil {
		return fmt.Errorf("%q is no virtual key", name)
	}
	t, is := s.hsm.Token.(*serviceToken)
	if !is {
		return errors.New("the HSM is no other service")
	}
	theirs, err := t.app.Key(ctx, dsmclient.ByName(name))
	if err != nil {
		return err
	}
	return expect("id in the other service", k.External.ID.KID, theirs.KID)
}

func (s *scenario) ownerRenames(ctx context.Context, name, to string) error {
	t, is := s.hsm.Token.(*serviceToken)
	if !is {
		return errors.New("the HSM is no other service")
	}
	k, err := t.app.Key(ctx, dsmclient.ByName(name))
	if err == nil {
		_, err = t.app.UpdateKey(ctx, k.KID, dsmwire.SobjectRequest{Name: &to})
	}
	return err
}

// serviceToken is the keys of another service as their owner uses them.
type serviceToken struct {
	app *dsmclient.Client

	mu   sync.Mutex
	kids map[string]string // by the CKA_ID that the scenario speaks of
}

// Add imports a key; of a pair the private half, with which comes the public one.
func (t *serviceToken) Add(o hsm.Object, material secret.Value) error {
	name := string(o.Label)
	r := dsmwire.SobjectRequest{Name: &name, ObjType: string(o.Type), EllipticCurve: string(o.Curve), Value: dsmwire.NewSecretBytes(material)}
	switch o.Class {
	case hsm.Certificate:
		r.ObjType = string(keys.Certificate)
	case hsm.Data:
		r.ObjType, r.Value = string(keys.Opaque), dsmwire.NewSecretBytes(secret.New(randomBytes(32)))
	case hsm.SecretKey, hsm.PrivateKey, hsm.PublicKey, hsm.OtherClass:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.Class == hsm.PublicKey && t.kids[string(o.ID)] != "" {
		return nil // the private half has brought it
	}
	k, err := t.app.Import(context.Background(), r)
	t.kids[string(o.ID)] = k.KID
	return err
}

// Remove deletes a key.
func (t *serviceToken) Remove(_ hsm.Class, id []byte) (int, error) {
	t.mu.Lock()
	kid, there := t.kids[string(id)]
	delete(t.kids, string(id))
	t.mu.Unlock()
	if !there {
		return 0, nil
	}
	return 1, t.app.DeleteKey(context.Background(), kid)
}

// Objects lists the keys.
func (t *serviceToken) Objects() ([]hsm.Object, error) {
	var all []hsm.Object
	err := t.app.AllKeys(context.Background(), dsmclient.KeyQuery{}, func(k dsmwire.Sobject) error {
		o := hsm.Object{Class: hsm.SecretKey, Type: keys.Type(k.ObjType), ID: []byte(strings.ReplaceAll(k.KID, "-", "")), Label: []byte(k.Name)}
		var err error
		o.Ops, err = keys.ParseOps(k.KeyOps)
		if o.Type.Asymmetric() {
			o.Class = hsm.PrivateKey
		}
		all = append(all, o)
		return err
	})
	return all, err
}
