package tokentest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1"   // linked for crypto.SHA1.New
	_ "crypto/sha256" // linked for crypto.SHA256.New
	_ "crypto/sha3"   // linked for crypto.SHA3_256.New
	_ "crypto/sha512" // linked for crypto.SHA512.New
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// signatures: Go verifies what the token signs, and the token verifies it too.
func (s *suite) signatures(t *testing.T) {
	data := []byte("what is to be signed")
	for _, h := range operations.Hashes() {
		for _, m := range []operations.Mode{operations.PKCS1v15, operations.PSS} {
			name := fmt.Sprintf("RSA %s %s", m, h)
			t.Run(name, func(t *testing.T) {
				s.sign(t, "RSA 2048", name, operations.Sign{Hash: h, Mode: m, Input: data})
			})
			t.Run(name+" prehashed", func(t *testing.T) {
				s.sign(t, "RSA 2048", name+" prehashed", operations.Sign{Hash: h, Mode: m, Prehashed: true, Input: digest(h, data)})
			})
		}
	}
	for kind, op := range map[string]operations.Sign{
		"RSA 2048":    {Hash: operations.SHA256, Mode: operations.PKCS1v15},
		"EC NistP256": {Hash: operations.SHA256},
	} {
		t.Run(kind+" of the longest input", func(t *testing.T) {
			op.Input = make([]byte, operations.MaxInput)
			s.sign(t, kind, kind+" of the longest input", op)
		})
	}
	for _, tpl := range kinds() {
		if tpl.Type != keys.EC {
			continue
		}
		kind := caseOf(tpl)
		if tpl.Curve == keys.Ed25519 {
			t.Run(kind, func(t *testing.T) { s.sign(t, kind, kind, operations.Sign{Input: data}) })
			t.Run(kind+" of nothing", func(t *testing.T) { s.sign(t, kind, kind+" of nothing", operations.Sign{}) })
			continue
		}
		for _, h := range []operations.Hash{operations.SHA1, operations.SHA256, operations.SHA384, operations.SHA512, operations.SHA3_256} {
			name := fmt.Sprintf("%s %s", kind, h)
			t.Run(name, func(t *testing.T) { s.sign(t, kind, name, operations.Sign{Hash: h, Input: data}) })
			t.Run(name+" prehashed", func(t *testing.T) {
				s.sign(t, kind, name+" prehashed", operations.Sign{Hash: h, Prehashed: true, Input: digest(h, data)})
			})
		}
	}
}

func digest(h operations.Hash, data []byte) []byte {
	d := goHash(h).New()
	d.Write(data)
	return d.Sum(nil)
}

func (s *suite) sign(t *testing.T, kind, name string, op operations.Sign) {
	key := s.pair(t, kind)
	if key == nil {
		return
	}
	res, err := s.tok.Operate(within(t), key.Ref(), op)
	if !s.operated(t, "sign", key.Type, strings.TrimPrefix(name, string(key.Type)+" "), op, err) {
		return
	}
	if key.Curve != keys.Secp256k1 { // Go has no such curve: the token's own verification has to do
		if err := goVerify(key.PublicKey, op, res.Output); err != nil {
			t.Errorf("Go does not verify the signature: %v", err)
		}
	}
	verify := operations.Verify{Hash: op.Hash, Mode: op.Mode, Prehashed: op.Prehashed, Input: op.Input, Signature: res.Output}
	if !s.operate(t, key.Ref(), verify).Valid {
		t.Error("the token does not verify its own signature")
	}
	if op.Hash == operations.SHA256 || op.Hash == operations.NoHash { // once for each padding and curve: some tokens are slow
		s.wrongSignatures(t, key.Ref(), verify)
	}
}

// wrongSignatures: a signature that does not verify is a result, whatever is wrong with it.
func (s *suite) wrongSignatures(t *testing.T, ref hsm.Ref, good operations.Verify) {
	t.Helper()
	flipped := bytes.Clone(good.Signature)
	flipped[len(flipped)-1] ^= 1
	for what, sig := range map[string][]byte{
		"changed":  flipped,
		"cut":      good.Signature[:len(good.Signature)-1],
		"longer":   append(bytes.Clone(good.Signature), 0),
		"rubbish":  []byte("rubbish"),
		"no bytes": nil,
	} {
		v := good
		v.Signature = sig
		res, err := s.tok.Operate(within(t), ref, v)
		if err != nil || res.Valid {
			t.Errorf("verifying a signature that is %s: got valid %t and error %v, want not valid and no error", what, res.Valid, err)
		}
	}
	if !good.Prehashed {
		v := good
		v.Input = []byte("something else")
		if res, err := s.tok.Operate(within(t), ref, v); err != nil || res.Valid {
			t.Errorf("verifying for other data: got valid %t and error %v, want not valid and no error", res.Valid, err)
		}
	}
}

// goVerify checks a signature with Go's own cryptography.
func goVerify(public []byte, op operations.Sign, sig []byte) error {
	pub, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return err
	}
	hashed := op.Input
	if !op.Prehashed && op.Hash != operations.NoHash {
		hashed = digest(op.Hash, op.Input)
	}
	switch p := pub.(type) {
	case *rsa.PublicKey:
		if op.Mode == operations.PSS {
			return rsa.VerifyPSS(p, goHash(op.Hash), hashed, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.VerifyPKCS1v15(p, goHash(op.Hash), hashed, sig)
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(p, hashed, sig) {
			return errors.New("not a DER signature of this key")
		}
		return nil
	case ed25519.PublicKey:
		return ed25519.VerifyWithOptions(p, op.Input, sig, &ed25519.Options{Hash: crypto.Hash(0)})
	default:
		return fmt.Errorf("a %T does not sign", pub)
	}
}
