package gostd

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"gatehouse/features/agreement/task"
)

// private is what the keys of the standard library have in common.
type private interface {
	Public() crypto.PublicKey
	Equal(crypto.PrivateKey) bool
}

func (p *Party) parse(der []byte) (private, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := p.parsed[string(der)]; ok {
		return k, nil
	}
	read, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	k, ok := read.(private)
	if !ok {
		return nil, fmt.Errorf("a key of type %T", read)
	}
	if p.parsed == nil {
		p.parsed = map[string]private{}
	}
	p.parsed[string(der)] = k
	return k, nil
}

// publicKey is the one that made says, or the task's.
func publicKey(t task.Task, m task.Made) (any, error) {
	if len(m.Public) > 0 {
		return x509.ParsePKIXPublicKey(m.Public)
	}
	return x509.ParsePKIXPublicKey(t.Key.Public)
}

func (p *Party) publicOf(k *task.Key) ([]byte, error) {
	if k.Type == "MLKEM" {
		public, err := encapsulationKey(k)
		if err != nil {
			return nil, err
		}
		return spki(k.ParamSet, public.Bytes())
	}
	pair, err := p.parse(k.Private)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(pair.Public())
}

// sameKey compares a key that was unwrapped or exported with what it was.
func (p *Party) sameKey(k *task.Key, value []byte) error {
	if !k.Asymmetric() || k.ParamSet != "" {
		return task.Same("the key", value, k.Private)
	}
	got, err := p.parse(value)
	if err != nil {
		return err
	}
	want, err := p.parse(k.Private)
	if err != nil {
		return err
	}
	if !got.Equal(want) {
		return errors.New("the key is another one")
	}
	return nil
}

// readable reads what was exported.
func (p *Party) readable(t task.Task, m task.Made) error {
	if t.Key.Type == "CERTIFICATE" {
		if _, err := x509.ParseCertificate(m.Out); err != nil {
			return err
		}
	}
	return p.sameKey(t.Key, m.Out)
}

func (p *Party) sign(t task.Task) (task.Made, error) {
	k, err := p.parse(t.Key.Private)
	if err != nil {
		return task.Made{}, err
	}
	h := hashes[t.Hash]
	var out []byte
	switch k := k.(type) {
	case *rsa.PrivateKey:
		if t.Mode == "PSS" {
			out, err = rsa.SignPSS(rand.Reader, k, h, digest(h, t.In), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			out, err = rsa.SignPKCS1v15(rand.Reader, k, h, digest(h, t.In))
		}
	case *ecdsa.PrivateKey:
		out, err = ecdsa.SignASN1(rand.Reader, k, digest(h, t.In))
	case ed25519.PrivateKey:
		out = ed25519.Sign(k, t.In)
	default:
		err = fmt.Errorf("go does not sign with a %T: %w", k, task.ErrRefused)
	}
	return task.Made{Out: out}, err
}

func verify(t task.Task, m task.Made) error {
	public, err := publicKey(t, m)
	if err != nil {
		return err
	}
	h := hashes[t.Hash]
	valid := false
	switch k := public.(type) {
	case *rsa.PublicKey:
		if t.Mode == "PSS" {
			return rsa.VerifyPSS(k, h, digest(h, t.In), m.Out, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.VerifyPKCS1v15(k, h, digest(h, t.In), m.Out)
	case *ecdsa.PublicKey:
		valid = ecdsa.VerifyASN1(k, digest(h, t.In), m.Out)
	case ed25519.PublicKey:
		valid = ed25519.Verify(k, t.In, m.Out)
	default:
		return fmt.Errorf("go does not verify with a %T: %w", k, task.ErrRefused)
	}
	if !valid {
		return errors.New("the signature is not good")
	}
	return nil
}

func encryptRSA(t task.Task) (task.Made, error) {
	public, err := publicKey(t, task.Made{})
	if err != nil {
		return task.Made{}, err
	}
	k, ok := public.(*rsa.PublicKey)
	if !ok {
		return task.Made{}, fmt.Errorf("a %T encrypts nothing", public)
	}
	var out []byte
	if t.Mode == "OAEP" {
		out, err = rsa.EncryptOAEP(hashes[t.Hash].New(), rand.Reader, k, t.Plain(), t.Label)
	} else {
		out, err = rsa.EncryptPKCS1v15(rand.Reader, k, t.Plain()) //nolint:staticcheck // the API has it
	}
	return task.Made{Out: out}, err
}

func (p *Party) decryptRSA(t task.Task, m task.Made) ([]byte, error) {
	pair, err := p.parse(t.Key.Private)
	if err != nil {
		return nil, err
	}
	k, ok := pair.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a %T decrypts nothing", pair)
	}
	if t.Mode == "OAEP" {
		return rsa.DecryptOAEP(hashes[t.Hash].New(), nil, k, m.Out, t.Label)
	}
	return rsa.DecryptPKCS1v15(nil, k, m.Out) //nolint:staticcheck // the API has it
}

// agree makes the shared secret on the other side: with the peer's private key.
func agree(t task.Task) ([]byte, error) {
	p, err := x509.ParsePKCS8PrivateKey(t.Peer.Private)
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(t.Key.Public)
	if err != nil {
		return nil, err
	}
	if k, ok := p.(*ecdsa.PrivateKey); ok {
		if p, err = k.ECDH(); err != nil {
			return nil, err
		}
	}
	if k, ok := public.(*ecdsa.PublicKey); ok {
		if public, err = k.ECDH(); err != nil {
			return nil, err
		}
	}
	own, ok1 := p.(*ecdh.PrivateKey)
	theirs, ok2 := public.(*ecdh.PublicKey)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("a %T and a %T agree on nothing", p, public)
	}
	return own.ECDH(theirs)
}

// encapsulator is what the encapsulation keys of the library have in common.
type encapsulator interface {
	Bytes() []byte
	Encapsulate() (shared, ciphertext []byte)
}

// seed is the last 64 bytes of PKCS #8 with the seed alone (RFC 9935, 6).
func seed(k *task.Key) []byte { return k.Private[len(k.Private)-mlkem.SeedSize:] }

func encapsulationKey(k *task.Key) (encapsulator, error) {
	if k.ParamSet == "MlKem768" {
		d, err := mlkem.NewDecapsulationKey768(seed(k))
		if err != nil {
			return nil, err
		}
		return d.EncapsulationKey(), nil
	}
	d, err := mlkem.NewDecapsulationKey1024(seed(k))
	if err != nil {
		return nil, err
	}
	return d.EncapsulationKey(), nil
}

func encapsulate(t task.Task) (m task.Made, err error) {
	k, err := encapsulationKey(t.Key)
	if err == nil {
		m.Secret, m.Out = k.Encapsulate()
	}
	return m, err
}

func decapsulate(t task.Task, m task.Made) error {
	var shared []byte
	if t.Key.ParamSet == "MlKem768" {
		d, err := mlkem.NewDecapsulationKey768(seed(t.Key))
		if err != nil {
			return err
		}
		if shared, err = d.Decapsulate(m.Out); err != nil {
			return err
		}
	} else {
		d, err := mlkem.NewDecapsulationKey1024(seed(t.Key))
		if err != nil {
			return err
		}
		if shared, err = d.Decapsulate(m.Out); err != nil {
			return err
		}
	}
	return task.Same("the encapsulated key", m.Secret, shared)
}

var mlkemOIDs = map[string]asn1.ObjectIdentifier{
	"MlKem768": {2, 16, 840, 1, 101, 3, 4, 4, 2}, "MlKem1024": {2, 16, 840, 1, 101, 3, 4, 4, 3},
}

func spki(set string, public []byte) ([]byte, error) {
	type algorithm struct{ ID asn1.ObjectIdentifier }
	return asn1.Marshal(struct {
		Algorithm algorithm
		Key       asn1.BitString
	}{algorithm{mlkemOIDs[set]}, asn1.BitString{Bytes: public, BitLength: 8 * len(public)}})
}
