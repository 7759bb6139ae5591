package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gatehouse/adapters/dsmwire"
	"gatehouse/simulators/lab/openssl"
)

// encrypted is a ciphertext with what it was made by.
type encrypted struct {
	name    string
	mode    string
	request dsmwire.DecryptRequest // that undoes it
}

func encryptingSteps() []Step {
	return []Step{
		{When, `^the application encrypts something with "([^"]*)"$`, on1((*scenario).encrypts)},
		{When, `^the application encrypts something with "([^"]*)" using (GCM|CBC|CTR|OAEP|PKCS#1 v1\.5|whatever it permits)$`, on2((*scenario).encryptsUsing)},
		{Given, `^the application has encrypted something with "([^"]*)" using (GCM|CBC|CTR|PKCS#1 v1\.5)$`, on2((*scenario).encrypt)},
		{When, `^the application decrypts something with "([^"]*)"$`, on1((*scenario).decryptsSomething)},
		{When, `^the application decrypts it with one bit changed$`, on0((*scenario).decryptsChanged)},
		{Then, `^the application decrypts it again$`, on0((*scenario).decryptsAgain)},
		{Then, `^it decrypts outside the service with the original$`, on0((*scenario).decryptsOutside)},
	}
}

func modeNamed(name string) *dsmwire.Mode {
	switch name {
	case "OAEP":
		return &dsmwire.Mode{Name: dsmwire.OAEP, Hash: "SHA256"}
	case "PKCS#1 v1.5":
		return &dsmwire.Mode{Name: dsmwire.PKCS1v15}
	case "whatever it permits":
		return nil
	default:
		return &dsmwire.Mode{Name: name}
	}
}

func (s *scenario) encrypts(ctx context.Context, name string) error {
	return s.encryptsUsing(ctx, name, "CBC")
}

func (s *scenario) encryptsUsing(ctx context.Context, name, mode string) error {
	return s.did(s.encrypt(ctx, name, mode))
}

func (s *scenario) encrypt(ctx context.Context, name, mode string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	key := &dsmwire.SobjectDescriptor{Name: name}
	r, err := app.Encrypt(ctx, dsmwire.EncryptRequest{Key: key, Alg: k.ObjType, Mode: modeNamed(mode), Plain: []byte(message)})
	if err != nil {
		return err
	}
	if bytes.Contains(r.Cipher, []byte(message[:16])) {
		return errors.New("the ciphertext holds the plaintext")
	}
	s.encrypted = encrypted{name, mode, dsmwire.DecryptRequest{
		Key: key, Alg: k.ObjType, Mode: modeNamed(mode), Cipher: r.Cipher, IV: r.IV, Tag: r.Tag,
	}}
	return nil
}

// decryptsSomething decrypts what nobody has encrypted.
func (s *scenario) decryptsSomething(ctx context.Context, name string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	_, err = app.Decrypt(ctx, dsmwire.DecryptRequest{
		Key: &dsmwire.SobjectDescriptor{Name: name}, Alg: "AES", Mode: modeNamed("CBC"), IV: make([]byte, 16), Cipher: make([]byte, 32),
	})
	return s.did(err)
}

func (s *scenario) decryptsChanged(ctx context.Context) error {
	r := s.encrypted.request
	r.Cipher = bytes.Clone(r.Cipher)
	r.Cipher[len(r.Cipher)/2] ^= 1
	_, err := s.app.Decrypt(ctx, r)
	return s.did(err)
}

func (s *scenario) decryptsAgain(ctx context.Context) error {
	if s.outcome != nil {
		return s.outcome
	}
	r, err := s.app.Decrypt(ctx, s.encrypted.request)
	if err != nil {
		return err
	}
	return expect("plaintext", string(r.Plain), message)
}

func (s *scenario) decryptsOutside(ctx context.Context) error {
	if s.outcome != nil {
		return s.outcome
	}
	o, err := s.original(s.encrypted.name)
	if err != nil {
		return err
	}
	r := s.encrypted.request
	var plain []byte
	switch s.encrypted.mode {
	case "CBC":
		plain, err = openssl.DecryptCBC(ctx, o.value, r.IV, r.Cipher)
	case "OAEP":
		plain, err = openssl.DecryptOAEP(ctx, o.value, "sha256", r.Cipher)
	default:
		err = fmt.Errorf("nobody decrypts %s outside the service here", s.encrypted.mode)
	}
	if err != nil {
		return err
	}
	return expect("plaintext", string(plain), message)
}
