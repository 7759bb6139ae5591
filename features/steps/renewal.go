package steps

import (
	"context"
	"errors"

	"gatehouse/adapters/dsmwire"
)

func renewalSteps() []Step {
	return []Step{
		{Given, `^the HSM group "([^"]*)" behind a gateway that asks for a client certificate$`, on1((*scenario).groupBehindRenewing)},
		{When, `^the gateway's certificate is replaced by one of another CA$`, on0((*scenario).renews)},
		{When, `^the gateway's certificate is overwritten by half a file$`, on0((*scenario).spoils)},
		{When, `^the gateway is told to let in clients of another CA only$`, on0((*scenario).trustsOthers)},
		{Then, `^a connection that trusts the other CA is connected$`, on0((*scenario).newTrustConnects)},
		{Then, `^a connection that trusts the company's CA is connected$`, on0((*scenario).oldTrustConnects)},
		{Then, `^a connection that trusts the company's CA is not connected$`, on0((*scenario).oldTrustFails)},
	}
}

func (s *scenario) groupBehindRenewing(ctx context.Context, name string) error {
	var err error
	if s.renewing, err = s.stage.Trust.Renewing(ctx); err != nil {
		return err
	}
	t := s.stage.Trust
	c := s.toRenewing(t.CA, Shown{Cert: t.ClientCert, Key: t.ClientKey})
	if err := s.makeGroup(ctx, dsmwire.GroupRequest{Name: &name, AddHmg: []dsmwire.HmgConfig{c}}); err != nil {
		return err
	}
	return s.groupIsConnected(ctx, name) // from now on, over one connection
}

// toRenewing is a connection to the gateway whose files are replaced.
func (s *scenario) toRenewing(ca []byte, shown Shown) dsmwire.HmgConfig {
	settings, slot := showing(ca, shown), s.renewing.Slot
	return dsmwire.HmgConfig{Kind: "Softhsm", URL: s.renewing.Address, Slot: &slot, PIN: secretText(s.renewing.PIN), TLS: &settings}
}

func (s *scenario) renews(context.Context) error       { return s.renewing.Renew() }
func (s *scenario) spoils(context.Context) error       { return s.renewing.Spoil() }
func (s *scenario) trustsOthers(context.Context) error { return s.renewing.TrustOthers() }

// connects tests a connection to the gateway that trusts a CA.
func (s *scenario) connects(ctx context.Context, ca []byte) error {
	t, check := s.stage.Trust, false
	c := s.toRenewing(ca, Shown{Cert: t.ClientCert, Key: t.ClientKey})
	c.TLS.ValidateHostname = &check // unlike the group's: connections that trust alike are shared
	return s.admin.CheckConnection(ctx, c)
}

func (s *scenario) newTrustConnects(ctx context.Context) error {
	return s.connects(ctx, s.stage.Trust.OtherCA)
}

func (s *scenario) oldTrustConnects(ctx context.Context) error {
	return s.connects(ctx, s.stage.Trust.CA)
}

func (s *scenario) oldTrustFails(ctx context.Context) error {
	if err := s.connects(ctx, s.stage.Trust.CA); err == nil {
		return errors.New("it is connected, want that it is not")
	}
	return nil
}
