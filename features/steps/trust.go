package steps

import (
	"context"
	"errors"
	"net"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
)

func trustSteps() []Step {
	return []Step{
		{Given, `^a gateway with a certificate of the company's own CA$`, on0((*scenario).companyGateway)},
		{Given, `^the gateway asks for a client certificate$`, on0((*scenario).mutualGateway)},
		{Given, `^a gateway whose certificate has the host's name as its common name only$`, on0((*scenario).commonGateway)},
		{Given, `^a gateway whose certificate has expired$`, on0((*scenario).expiredGateway)},
		{When, `^the administrator tests a connection that trusts the gateway's own certificate$`, on0((*scenario).trustsOwn)},
		{When, `^the administrator tests a connection that shows a client certificate of another CA$`, on0((*scenario).showsForeign)},
		{When, `^the administrator tests a connection that shows an expired client certificate$`, on0((*scenario).showsLapsed)},
		{When, `^the administrator tests a connection that trusts the company's CA$`, on0((*scenario).trustsCompany)},
		{When, `^the administrator tests a connection that trusts the system's roots$`, on0((*scenario).trustsSystem)},
		{When, `^the administrator tests a connection that trusts another CA$`, on0((*scenario).trustsAnother)},
		{When, `^the administrator tests a connection that shows a client certificate$`, on0((*scenario).showsCertificate)},
		{When, `^the administrator tests a connection under a name that the certificate lacks$`, on0((*scenario).testsOtherName)},
		{When, `^the administrator tests a connection under a name that the certificate lacks, without checking the name$`, on0((*scenario).testsAnyName)},
	}
}

func (s *scenario) companyGateway(context.Context) error {
	s.trusted = s.stage.Trust.Plain
	return nil
}

func (s *scenario) mutualGateway(context.Context) error {
	s.trusted = s.stage.Trust.Mutual
	return nil
}

// Trusting returns TLS settings that trust a CA (DER) and check the host's name.
func Trusting(ca []byte) dsmwire.TLSConfig {
	check := true
	return dsmwire.TLSConfig{Mode: "required", ValidateHostname: &check, CA: &dsmwire.CAConfig{Pinned: [][]byte{ca}}}
}

func (s *scenario) commonGateway(context.Context) error {
	s.trusted = s.stage.Trust.Common
	return nil
}

func (s *scenario) expiredGateway(context.Context) error {
	s.trusted = s.stage.Trust.Expired
	return nil
}

// testWith tests a connection to the gateway that the scenario is about.
func (s *scenario) testWith(ctx context.Context, address string, settings dsmwire.TLSConfig) error {
	t := s.stage.Trust
	if address == "" {
		return errors.New("the scenario speaks of a gateway that is not there")
	}
	return s.did(s.admin.CheckConnection(ctx, dsmwire.HmgConfig{
		Kind: "Softhsm", URL: address, Slot: &t.Slot, PIN: secretText(t.PIN), TLS: &settings,
	}))
}

func (s *scenario) trustsCompany(ctx context.Context) error {
	return s.testWith(ctx, s.trusted, Trusting(s.stage.Trust.CA))
}

func (s *scenario) trustsSystem(ctx context.Context) error {
	settings := Trusting(nil)
	settings.CA = &dsmwire.CAConfig{CASet: dsmwire.GlobalRoots}
	return s.testWith(ctx, s.trusted, settings)
}

func (s *scenario) trustsAnother(ctx context.Context) error {
	return s.testWith(ctx, s.trusted, Trusting(s.stage.Trust.OtherCA))
}

func (s *scenario) trustsOwn(ctx context.Context) error {
	return s.testWith(ctx, s.trusted, Trusting(s.stage.Trust.Own))
}

func (s *scenario) showsCertificate(ctx context.Context) error {
	t := s.stage.Trust
	return s.testShowing(ctx, Shown{Cert: t.ClientCert, Key: t.ClientKey})
}

func (s *scenario) showsForeign(ctx context.Context) error {
	return s.testShowing(ctx, s.stage.Trust.Foreign)
}

func (s *scenario) showsLapsed(ctx context.Context) error {
	return s.testShowing(ctx, s.stage.Trust.Lapsed)
}

func (s *scenario) testShowing(ctx context.Context, shown Shown) error {
	return s.testWith(ctx, s.trusted, showing(s.stage.Trust.CA, shown))
}

// showing returns TLS settings that trust a CA (DER) and show a client certificate.
func showing(ca []byte, shown Shown) dsmwire.TLSConfig {
	settings := Trusting(ca)
	settings.ClientCert, settings.ClientKey = shown.Cert, dsmwire.NewSecretBytes(secret.New(shown.Key))
	return settings
}

func (s *scenario) testsOtherName(ctx context.Context) error { return s.testNumeric(ctx, true) }

func (s *scenario) testsAnyName(ctx context.Context) error { return s.testNumeric(ctx, false) }

// testNumeric tests the gateway under its IP address, for which its certificate is not.
func (s *scenario) testNumeric(ctx context.Context, check bool) error {
	_, port, err := net.SplitHostPort(s.trusted)
	if err != nil {
		return err
	}
	settings := Trusting(s.stage.Trust.CA)
	settings.ValidateHostname = &check
	return s.testWith(ctx, net.JoinHostPort("127.0.0.1", port), settings)
}
