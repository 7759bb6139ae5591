package backendtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"encoding/asn1"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// derived is what is asked of every derivation here.
var derived = keys.Spec{Type: keys.AES, Size: 128}

// derive orders a key of op, and checks that its value is want where that is known.
func (s *suite) derive(t *testing.T, name string, base keys.Key, op operations.Operation, want []byte) (*keys.Key, operations.Result) {
	t.Helper()
	o := s.order(t, derived, 0)
	m, res, err := s.b.Derive(within(t), o, s.allow(t, base, op))
	if !s.refusals.works(t, "derive "+name, err) {
		s.wantNothing(t, o)
		return nil, res
	}
	k := s.record(o, m)
	s.wantMade(t, o.Spec, k)
	s.works(t, k)
	if want == nil {
		return &k, res
	}
	block, err := aes.NewCipher(want)
	if err != nil {
		t.Fatal(err)
	}
	plain, iv := []byte("whole blocks...."), make([]byte, 16)
	sealed := bytes.Clone(plain)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, sealed) //nolint:gosec // to compare
	if got := s.do(t, k, operations.Encrypt{Mode: operations.CBCNoPad, Plain: plain, IV: iv}).Output; !bytes.Equal(got, sealed) {
		t.Error("the derived key is another one than Go's")
	}
	return &k, res
}

// derives: derived keys are those that Go derives.
func (s *suite) derives(t *testing.T) {
	t.Run("by encryption", func(t *testing.T) {
		base := s.knownAES(t)
		if base == nil {
			return
		}
		block, err := aes.NewCipher(s.fixed.aes)
		if err != nil {
			t.Fatal(err)
		}
		data, iv := []byte("what both sides know, thirty-two"), bytes.Repeat([]byte{7}, 16)
		want := bytes.Clone(data)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(want, want)
		e := operations.EncryptData{Encryption: operations.Encrypt{Mode: operations.CBCNoPad, Plain: data, IV: iv}}
		s.derive(t, "AES by CBCNOPAD", *base, operations.Derive{By: e}, want[:16])
	})
	t.Run("by HKDF", func(t *testing.T) { // RFC 5869, A.1
		base := s.take(t, "HMAC", keys.Spec{Type: keys.HMAC, Ops: keys.OpDerive}, bytes.Repeat([]byte{0x0b}, 22))
		if base == nil {
			return
		}
		h := operations.HKDF{Hash: operations.SHA256, Salt: unhex(t, "000102030405060708090a0b0c"), Info: unhex(t, "f0f1f2f3f4f5f6f7f8f9")}
		s.derive(t, "HMAC by HKDF", *base, operations.Derive{By: h}, unhex(t, "3cb25f25faacd57a90434f64d0362f2a"))
	})
	t.Run("more than there is", func(t *testing.T) {
		base := s.knownAES(t)
		if base == nil {
			return
		}
		e := operations.EncryptData{Encryption: operations.Encrypt{Mode: operations.CTR, Plain: []byte("short"), IV: make([]byte, 16)}}
		o := s.order(t, derived, 0)
		_, _, err := s.b.Derive(within(t), o, s.allow(t, *base, operations.Derive{By: e}))
		if err == nil || fault.KindOf(err) != fault.Unsupported {
			wantKind(t, err, fault.Invalid)
		}
		s.wantNothing(t, o)
	})
}

// agrees: the key is that which the peer agrees on, with Go.
func (s *suite) agrees(t *testing.T) {
	for _, c := range []struct {
		name  string
		curve ecdh.Curve
		spec  keys.Spec
		value []byte
		pair  func() (*ecdh.PrivateKey, error)
	}{
		{"EC NistP256", ecdh.P256(), keys.Spec{Type: keys.EC}, pkcs8(t, s.fixed.ec[keys.P256]), s.fixed.ec[keys.P256].ECDH},
		{"EC NistP384", ecdh.P384(), keys.Spec{Type: keys.EC}, pkcs8(t, s.fixed.ec[keys.P384]), s.fixed.ec[keys.P384].ECDH},
		{"EC NistP521", ecdh.P521(), keys.Spec{Type: keys.EC}, pkcs8(t, s.fixed.ec[keys.P521]), s.fixed.ec[keys.P521].ECDH},
		{"EC X25519", ecdh.X25519(), keys.Spec{Type: keys.EC}, pkcs8(t, s.fixed.x), func() (*ecdh.PrivateKey, error) { return s.fixed.x, nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := c.name
			if c.curve != ecdh.X25519() {
				name += " as PKCS8"
			}
			k := s.take(t, name, c.spec, c.value)
			if k == nil {
				return
			}
			peer, err := c.curve.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			pair, err := c.pair()
			if err != nil {
				t.Fatal(err)
			}
			shared, err := peer.ECDH(pair.PublicKey())
			if err != nil {
				t.Fatal(err)
			}
			made, _ := s.derive(t, c.name+" by agreement", *k, operations.Agree{PeerPublicKey: spki(t, peer.PublicKey())}, shared[len(shared)-16:])
			if made == nil {
				return
			}
			for name, bad := range map[string][]byte{
				"rubbish": []byte("rubbish"), "a key of RSA": spki(t, &s.fixed.rsa.PublicKey), "a private key": c.value,
			} {
				o := s.order(t, derived, 0)
				_, _, err := s.b.Derive(within(t), o, s.allow(t, *k, operations.Agree{PeerPublicKey: bad}))
				if kind := fault.KindOf(err); err == nil || kind != fault.Invalid {
					t.Errorf("agreeing with %s: got error %v, want it invalid", name, err)
				}
				s.wantNothing(t, o)
			}
		})
	}
}

// encapsulates: what one side encapsulates the other one takes out, and Go both.
func (s *suite) encapsulates(t *testing.T) {
	k := s.generate(t, keys.Spec{Type: keys.MLKEM, ParamSet: keys.MLKEM768})
	if k == nil {
		return
	}
	var public struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(k.PublicKey, &public); err != nil {
		t.Fatalf("reading the public key: %v", err)
	}
	peer, err := mlkem.NewEncapsulationKey768(public.Key.Bytes)
	if err != nil {
		t.Fatalf("reading the public key: %v", err)
	}
	shared, sealed := peer.Encapsulate()
	s.derive(t, "MLKEM by decapsulation", *k, operations.Decapsulate{Cipher: sealed}, shared[:16])

	one, res := s.derive(t, "MLKEM by encapsulation", *k, operations.Encapsulate{}, nil)
	if one == nil {
		return
	}
	other, _ := s.derive(t, "MLKEM by decapsulation", *k, operations.Decapsulate{Cipher: res.Output}, nil)
	if other != nil {
		s.sameKey(t, *one, *other)
	}
	o := s.order(t, derived, 0)
	_, _, err = s.b.Derive(within(t), o, s.allow(t, *k, operations.Decapsulate{Cipher: sealed[1:]}))
	wantKind(t, err, fault.Invalid)
	if got, want := fault.Message(err), fault.Message(operations.DecryptRefused(nil)); got != want {
		t.Errorf("message is %q, want %q", got, want)
	}
}
