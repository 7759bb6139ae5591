package steps

import (
	"bytes"
	"context"
	"errors"
	"strconv"

	"gatehouse/adapters/dsmwire"
	"gatehouse/simulators/lab/openssl"
)

// stamped is a MAC with the name of the key that made it.
type stamped struct {
	name string
	mac  []byte
}

func macSteps() []Step {
	return []Step{
		{When, `^the application makes a MAC with "([^"]*)"$`, on1((*scenario).makesMAC)},
		{Then, `^the service verifies the MAC$`, on0((*scenario).verifiesMAC)},
		{Then, `^the service does not verify a changed MAC$`, on0((*scenario).refusesChangedMAC)},
		{When, `^the application asks for the SHA-256 digest of something$`, on0((*scenario).asksDigest)},
		{Then, `^the digest is the same as elsewhere$`, on0((*scenario).digestIsSame)},
		{When, `^the application asks for (\d+) random bytes twice$`, on1((*scenario).asksRandom)},
		{Then, `^both are (\d+) bytes long and different$`, on1((*scenario).randomDiffers)},
	}
}

func (s *scenario) makesMAC(ctx context.Context, name string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	r, err := app.MAC(ctx, dsmwire.MACRequest{Key: &dsmwire.SobjectDescriptor{Name: name}, Alg: "SHA256", Data: []byte(message)})
	s.mac = stamped{name, r.MAC}
	return s.did(err)
}

func (s *scenario) verifyMAC(ctx context.Context, mac []byte) (bool, error) {
	if s.outcome != nil {
		return false, s.outcome
	}
	return s.app.MACVerify(ctx, dsmwire.MACVerifyRequest{
		Key: &dsmwire.SobjectDescriptor{Name: s.mac.name}, Alg: "SHA256", Data: []byte(message), MAC: mac,
	})
}

func (s *scenario) verifiesMAC(ctx context.Context) error {
	got, err := s.verifyMAC(ctx, s.mac.mac)
	if err != nil {
		return err
	}
	return expect("the service verifies the MAC", got, true)
}

func (s *scenario) refusesChangedMAC(ctx context.Context) error {
	changed := bytes.Clone(s.mac.mac)
	changed[0] ^= 1
	got, err := s.verifyMAC(ctx, changed)
	if err != nil {
		return err
	}
	return expect("the service verifies the MAC", got, false)
}

func (s *scenario) asksDigest(ctx context.Context) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	s.digest, err = app.Digest(ctx, "SHA256", []byte(message))
	return s.did(err)
}

func (s *scenario) digestIsSame(ctx context.Context) error {
	want, err := openssl.Run(ctx, []byte(message), "dgst", "-sha256", "-binary")
	if err != nil {
		return err
	}
	return expect("digest", string(s.digest), string(want))
}

func (s *scenario) asksRandom(ctx context.Context, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	app, err := s.application()
	if err != nil {
		return err
	}
	for range 2 {
		b, err := app.Random(ctx, n)
		if err != nil {
			return s.did(err)
		}
		s.random = append(s.random, b)
	}
	return s.did(nil)
}

func (s *scenario) randomDiffers(_ context.Context, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	if err := expect("answers", len(s.random), 2); err != nil {
		return err
	}
	if bytes.Equal(s.random[0], s.random[1]) {
		return errors.New("both answers are the same")
	}
	return errors.Join(expect("length", len(s.random[0]), n), expect("length", len(s.random[1]), n))
}
