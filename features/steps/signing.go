package steps

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/simulators/lab/openssl"
)

// message is what scenarios sign, encrypt and digest.
const message = "Überweisung: 100 Franken an die Kaffeekasse\n"

// signed is a signature with what it was made by.
type signed struct {
	key       dsmwire.Sobject
	way       scheme
	signature []byte
}

// scheme is a way of signing, for the service and for openssl.
type scheme struct {
	hash    string
	mode    *dsmwire.Mode
	openssl openssl.Scheme
}

func signingSteps() []Step {
	return []Step{
		{When, `^the application signs with "([^"]*)"$`, on1((*scenario).signs)},
		{When, `^the application signs with "([^"]*)" using (PKCS#1 v1\.5|PSS|ECDSA|Ed25519|whatever it permits)$`, on2((*scenario).signsUsing)},
		{When, `^the administrator signs with "([^"]*)"$`, on1((*scenario).administratorSigns)},
		{Then, `^the signature verifies outside the service$`, on0((*scenario).verifiesOutside)},
		{Then, `^the signature verifies with the original's public key$`, on0((*scenario).verifiesWithOriginal)},
		{Then, `^the service verifies the signature too$`, on0((*scenario).verifies)},
		{Then, `^the service does not verify the signature over something else$`, on0((*scenario).doesNotVerify)},
	}
}

// curveHashes are the digests that fit the curves.
var curveHashes = map[string][2]string{
	"NistP256": {"SHA256", "sha256"}, "NistP384": {"SHA384", "sha384"}, "NistP521": {"SHA512", "sha512"},
}

// wayFor returns the way of signing that a scenario names; empty: the usual one.
func wayFor(k dsmwire.Sobject, name string) (scheme, error) {
	if name == "" {
		name = map[string]string{"RSA": "PKCS#1 v1.5", "EC": "ECDSA"}[k.ObjType]
	}
	switch name {
	case "PKCS#1 v1.5":
		return scheme{"SHA256", &dsmwire.Mode{Name: dsmwire.PKCS1v15}, openssl.Digest("sha256")}, nil
	case "PSS":
		return scheme{"SHA256", &dsmwire.Mode{Name: dsmwire.PSS, Hash: "SHA256"}, openssl.PSS("sha256")}, nil
	case "ECDSA":
		hash, known := curveHashes[k.EllipticCurve]
		if known {
			return scheme{hash[0], nil, openssl.Digest(hash[1])}, nil
		}
	case "Ed25519":
		return scheme{}, nil
	case "whatever it permits":
		return scheme{hash: "SHA256"}, nil
	}
	return scheme{}, fmt.Errorf("a %s key cannot sign using %q", k.ObjType, name)
}

// sign signs for the application.
func (s *scenario) sign(ctx context.Context, name, using string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	return s.signFor(ctx, app, name, using)
}

func (s *scenario) signFor(ctx context.Context, c *dsmclient.Client, name, using string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	w, err := wayFor(k, using)
	if err != nil {
		return err
	}
	r, err := c.Sign(ctx, dsmwire.SignRequest{
		Key: &dsmwire.SobjectDescriptor{Name: name}, HashAlg: w.hash, Data: []byte(message), Mode: w.mode,
	})
	s.signed = signed{k, w, r.Signature}
	return err
}

func (s *scenario) signs(ctx context.Context, name string) error { return s.signsUsing(ctx, name, "") }

func (s *scenario) signsUsing(ctx context.Context, name, using string) error {
	return s.did(s.sign(ctx, name, using))
}

func (s *scenario) administratorSigns(ctx context.Context, name string) error {
	return s.did(s.signFor(ctx, s.admin, name, ""))
}

// verifiesOutside asks openssl, with the public key that somebody else made
// where there is one.
func (s *scenario) verifiesOutside(ctx context.Context) error {
	public := s.signed.key.PubKey
	if o, made := s.originals[s.signed.key.Name]; made {
		public = o.public
	}
	return s.verifyOutside(ctx, public)
}

func (s *scenario) verifiesWithOriginal(ctx context.Context) error {
	o, err := s.original(s.signed.key.Name)
	if err != nil {
		return err
	}
	return s.verifyOutside(ctx, o.public)
}

func (s *scenario) verifyOutside(ctx context.Context, public []byte) error {
	if s.outcome != nil {
		return s.outcome
	}
	g := s.signed
	if err := openssl.Verify(ctx, public, g.way.openssl, []byte(message), g.signature); err != nil {
		return err
	}
	if openssl.Verify(ctx, public, g.way.openssl, []byte(message+"!"), g.signature) == nil {
		return errors.New("openssl verifies the signature over something else")
	}
	return nil
}

// good asks the service whether the signature is one over data.
func (s *scenario) good(ctx context.Context, data string) (bool, error) {
	if s.outcome != nil {
		return false, s.outcome
	}
	g := s.signed
	return s.app.Verify(ctx, dsmwire.VerifyRequest{
		Key: &dsmwire.SobjectDescriptor{KID: g.key.KID}, HashAlg: g.way.hash, Data: []byte(data), Mode: g.way.mode, Signature: g.signature,
	})
}

func (s *scenario) verifies(ctx context.Context) error {
	got, err := s.good(ctx, message)
	if err != nil {
		return err
	}
	return expect("the service verifies the signature", got, true)
}

func (s *scenario) doesNotVerify(ctx context.Context) error {
	got, err := s.good(ctx, message+"!")
	if err != nil {
		return err
	}
	return expect("the service verifies the signature", got, false)
}
