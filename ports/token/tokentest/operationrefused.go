package tokentest

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// operationRefused: operations that the request, or the key, makes impossible.
func (s *suite) operationRefused(t *testing.T) {
	plain := []byte("sixteen bytes...")
	for _, c := range []struct {
		name string
		kind string
		op   operations.Operation
	}{
		{"iv of a wrong length", "AES 256", operations.Encrypt{Mode: operations.CBC, Plain: plain, IV: random(12)}},
		{"iv where none is", "AES 256", operations.Encrypt{Mode: operations.ECB, Plain: plain, IV: random(16)}},
		{"no iv to decrypt with", "AES 256", operations.Decrypt{Mode: operations.CBC, Cipher: plain}},
		{"half a block", "AES 256", operations.Encrypt{Mode: operations.ECB, Plain: plain[:7]}},
		{"half a block to decrypt", "AES 256", operations.Decrypt{Mode: operations.CBCNoPad, Cipher: plain[:7], IV: random(16)}},
		{"tag of an odd length", "AES 256", operations.Encrypt{Mode: operations.GCM, Plain: plain, TagBits: 100}},
		{"no tag", "AES 256", operations.Decrypt{Mode: operations.GCM, Cipher: plain, IV: random(12)}},
		{"longer than the longest input", "AES 256", operations.Encrypt{Mode: operations.GCM, Plain: make([]byte, operations.MaxInput+1)}},
		{"no mode", "AES 256", operations.Encrypt{Plain: plain}},
		{"mode of another type", "AES 256", operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1, Plain: plain}},
		{"mode that nobody knows", "AES 256", operations.Encrypt{Mode: "XTS", Plain: plain}},
		{"signing with an aes key", "AES 256", operations.Sign{Hash: operations.SHA256, Input: plain}},
		{"encrypting with a hmac key", "HMAC 256", operations.Encrypt{Mode: operations.ECB, Plain: plain}},
		{"mac without a hash", "HMAC 256", operations.MAC{Data: plain}},
		{"mac with an rsa key", "RSA 2048", operations.MAC{Hash: operations.SHA256, Data: plain}},
		{"signature without a mode", "RSA 2048", operations.Sign{Hash: operations.SHA256, Input: plain}},
		{"digest of a wrong length", "RSA 2048", operations.Sign{Hash: operations.SHA256, Mode: operations.PSS, Prehashed: true, Input: plain}},
		{"too long for the padding", "RSA 2048", operations.Encrypt{Mode: operations.PKCS1v15, Plain: random(256)}},
		{"too long for oaep", "RSA 2048", operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA1, Plain: random(230)}},
		{"no hash for ecdsa", "EC NistP256", operations.Sign{Input: plain}},
		{"encrypting with an ec key", "EC NistP256", operations.Encrypt{Mode: operations.PKCS1v15, Plain: plain}},
		{"digest for ed25519", "EC Ed25519", operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: random(32)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := s.pair(t, c.kind)
			if key == nil {
				return
			}
			_, err := s.tok.Operate(within(t), key.Ref(), c.op)
			want := []fault.Kind{fault.Invalid}
			if !s.does(c.op, key.Type) {
				want = append(want, fault.Unsupported)
			}
			wantKind(t, err, want...)
		})
	}
	s.forbidden(t)
}

// forbidden: what the key's own attributes do not allow is denied.
func (s *suite) forbidden(t *testing.T) {
	plain := []byte("sixteen bytes...")
	for _, c := range []struct {
		name string
		kind string
		ops  keys.Ops // what the key may do
		op   operations.Operation
	}{
		{"encrypt", "AES 256", keys.OpDecrypt, operations.Encrypt{Mode: operations.CBC, Plain: plain}},
		{"decrypt", "AES 256", keys.OpEncrypt, operations.Decrypt{Mode: operations.CBCNoPad, Cipher: plain, IV: plain}},
		{"mac", "HMAC 256", keys.OpMACVerify, operations.MAC{Hash: operations.SHA256, Data: plain}},
		{"macverify", "HMAC 256", keys.OpMAC, operations.MACVerify{Hash: operations.SHA256, Data: plain, MAC: random(32)}},
		{"sign", "EC NistP256", keys.OpVerify, operations.Sign{Hash: operations.SHA256, Input: plain}},
		{"verify", "EC NistP256", keys.OpSign, operations.Verify{Hash: operations.SHA256, Input: plain, Signature: random(70)}},
	} {
		t.Run("denied "+c.name, func(t *testing.T) {
			tpl := s.kind(c.kind)
			tpl.Ops = c.ops
			o, err := s.tok.Generate(within(t), tpl)
			if !s.refusals.works(t, "generate "+c.kind, err) || !s.does(c.op, tpl.Type) {
				return
			}
			s.compareInventory(t, tpl, o)
			_, err = s.tok.Operate(within(t), o.Ref(), c.op)
			wantKind(t, err, fault.Denied)
		})
	}
	t.Run("denied sign with a public key", func(t *testing.T) {
		o := s.pair(t, "EC NistP256")
		if o == nil {
			return
		}
		ref := s.find(t, hsm.PublicKey, o.ID).Ref()
		_, err := s.tok.Operate(within(t), ref, operations.Sign{Hash: operations.SHA256, Input: plain})
		wantKind(t, err, fault.Denied)
	})
}
