package steps

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
)

func derivingSteps() []Step {
	return []Step{
		{When, `^the application derives the AES 256 key "([^"]*)" from "([^"]*)" in "([^"]*)"$`, on3((*scenario).derives)},
		{Then, `^"([^"]*)" is the key that everybody else derives from "([^"]*)"$`, on2((*scenario).isDerivedElsewhere)},
		{When, `^the application agrees on the key "([^"]*)" with "([^"]*)" and the public key of "([^"]*)"$`, on3((*scenario).agrees)},
		{Then, `^"([^"]*)" and "([^"]*)" agreed the other way round are the same$`, on2((*scenario).agreesTheOtherWay)},
		{When, `^the application encrypts a long message in parts with "([^"]*)" using (CBC|CTR|GCM)$`, on2((*scenario).encryptsInParts)},
		{Then, `^the long message is decrypted again, at once and in parts$`, on0((*scenario).decryptsLong)},
	}
}

const derivationInfo = "features"

func (s *scenario) derives(ctx context.Context, name, base, group string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	g, err := s.group(group)
	if err != nil {
		return err
	}
	bits := uint32(256)
	_, err = app.Derive(ctx, dsmwire.DeriveKeyRequest{
		Key: &dsmwire.SobjectDescriptor{Name: base}, KeyType: "AES", KeySize: &bits, Name: &name, GroupID: &g.GroupID,
		Mechanism: dsmwire.DeriveKeyMechanism{HKDF: &dsmwire.DeriveKeyHKDF{HashAlg: "SHA256", Info: []byte(derivationInfo)}},
	})
	return s.did(err)
}

// isDerivedElsewhere compares by what the derived key encrypts.
func (s *scenario) isDerivedElsewhere(ctx context.Context, name, base string) error {
	if s.outcome != nil {
		return s.outcome
	}
	o, err := s.original(base)
	if err != nil {
		return err
	}
	want, err := hkdf.Key(sha256.New, o.value, nil, derivationInfo, 32)
	if err != nil {
		return err
	}
	elsewhere := &dsmwire.SobjectDescriptor{Inline: &dsmwire.InlineDescriptor{Value: dsmwire.NewSecretBytes(secret.New(want)), ObjType: "AES"}}
	return s.encryptAlike(ctx, &dsmwire.SobjectDescriptor{Name: name}, elsewhere)
}

// encryptAlike fails unless two AES keys make the same of the same.
func (s *scenario) encryptAlike(ctx context.Context, a, b *dsmwire.SobjectDescriptor) error {
	var got [][]byte
	for _, k := range []*dsmwire.SobjectDescriptor{a, b} {
		r, err := s.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: k, Alg: "AES", Mode: modeNamed("CBC"), IV: make([]byte, 16), Plain: []byte(message)})
		if err != nil {
			return err
		}
		got = append(got, r.Cipher)
	}
	if !bytes.Equal(got[0], got[1]) {
		return errors.New("the two keys encrypt differently")
	}
	return nil
}

func (s *scenario) agrees(ctx context.Context, name, private, public string) error {
	return s.did(s.agree(ctx, name, private, public))
}

func (s *scenario) agree(ctx context.Context, name, private, public string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	k, err := s.key(ctx, private)
	if err != nil {
		return err
	}
	bits := uint32(256)
	_, err = app.Agree(ctx, dsmwire.AgreeKeyRequest{
		PrivateKey: dsmwire.SobjectDescriptor{Name: private}, PublicKey: dsmwire.SobjectDescriptor{Name: public},
		Mechanism: dsmwire.DiffieHellman, KeyType: "AES", KeySize: &bits, Name: &name, GroupID: &k.GroupID,
	})
	return err
}

// agreesTheOtherWay agrees on the second key with the halves exchanged.
func (s *scenario) agreesTheOtherWay(ctx context.Context, first, second string) error {
	if s.outcome != nil {
		return s.outcome
	}
	if err := s.agree(ctx, second, "theirs", "ours"); err != nil {
		return err
	}
	return s.encryptAlike(ctx, &dsmwire.SobjectDescriptor{Name: first}, &dsmwire.SobjectDescriptor{Name: second})
}

// longMessage is of no whole blocks, and of many parts.
var longMessage = bytes.Repeat([]byte("attack at dawn; "), 1000)[:15_997]

const partSize = 4000

func (s *scenario) encryptsInParts(ctx context.Context, name, mode string) error {
	return s.did(s.encryptParts(ctx, name, mode))
}

func (s *scenario) encryptParts(ctx context.Context, name, mode string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	key := &dsmwire.SobjectDescriptor{Name: name}
	begun, err := app.EncryptInit(ctx, dsmwire.EncryptInitRequest{Key: key, Alg: "AES", Mode: modeNamed(mode)})
	if err != nil {
		return err
	}
	var cipher []byte
	state := begun.State
	for rest := longMessage; len(rest) > 0; {
		n := min(partSize, len(rest))
		r, err := app.EncryptUpdate(ctx, dsmwire.EncryptUpdateRequest{Key: key, State: state, Plain: rest[:n]})
		if err != nil {
			return err
		}
		cipher, state, rest = append(cipher, r.Cipher...), r.State, rest[n:]
	}
	end, err := app.EncryptFinal(ctx, dsmwire.EncryptFinalRequest{Key: key, State: state})
	s.encrypted = encrypted{name, mode, dsmwire.DecryptRequest{
		Key: key, Alg: "AES", Mode: modeNamed(mode), Cipher: append(cipher, end.Cipher...), IV: begun.IV, Tag: end.Tag,
	}}
	return err
}

func (s *scenario) decryptsLong(ctx context.Context) error {
	if s.outcome != nil {
		return s.outcome
	}
	r := s.encrypted.request
	whole, err := s.app.Decrypt(ctx, r)
	if err != nil {
		return err
	}
	begun, err := s.app.DecryptInit(ctx, dsmwire.DecryptInitRequest{Key: r.Key, Alg: "AES", Mode: r.Mode, IV: r.IV})
	if err != nil {
		return err
	}
	var plain []byte
	state := begun.State
	for rest := r.Cipher; len(rest) > 0; {
		n := min(partSize, len(rest))
		p, err := s.app.DecryptUpdate(ctx, dsmwire.DecryptUpdateRequest{Key: r.Key, State: state, Cipher: rest[:n]})
		if err != nil {
			return err
		}
		plain, state, rest = append(plain, p.Plain...), p.State, rest[n:]
	}
	end, err := s.app.DecryptFinal(ctx, dsmwire.DecryptFinalRequest{Key: r.Key, State: state, Tag: r.Tag})
	if err != nil {
		return err
	}
	if !bytes.Equal(whole.Plain, longMessage) || !bytes.Equal(append(plain, end.Plain...), longMessage) {
		return errors.New("it is another message")
	}
	return nil
}
