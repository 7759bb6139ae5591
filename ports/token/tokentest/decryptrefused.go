package tokentest

import (
	"bytes"
	"errors"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// decryptionRefused: whatever is wrong with a ciphertext, the answer is one and
// the same, and the key works afterwards.
func (s *suite) decryptionRefused(t *testing.T) {
	plain := bytes.Repeat([]byte("sixteen bytes..."), 3)
	t.Run("CBC with broken padding", func(t *testing.T) {
		key := s.pair(t, "AES 256")
		raw := operations.Encrypt{Mode: operations.CBCNoPad, Plain: plain}
		if !s.does(raw, keys.AES) {
			return
		}
		e := s.operate(t, key.Ref(), raw)
		s.refuseDecryption(t, key.Ref(), operations.Decrypt{Mode: operations.CBC, Cipher: e.Output, IV: e.IV})
		s.roundTrip(t, key.Ref())
	})
	t.Run("CBC of no block", func(t *testing.T) {
		key := s.pair(t, "AES 256")
		s.refuseDecryption(t, key.Ref(), operations.Decrypt{Mode: operations.CBC, IV: make([]byte, 16)})
	})
	t.Run("GCM", func(t *testing.T) {
		key := s.pair(t, "AES 256")
		op := operations.Encrypt{Mode: operations.GCM, Plain: plain, AD: []byte("header")}
		e, err := s.tok.Operate(within(t), key.Ref(), op)
		if !s.operated(t, "encrypt", key.Type, "GCM", op, err) {
			return
		}
		good := operations.Decrypt{Mode: operations.GCM, Cipher: e.Output, IV: e.IV, Tag: e.Tag, AD: op.AD}
		for name, change := range map[string]func(*operations.Decrypt){
			"changed ciphertext": func(d *operations.Decrypt) { d.Cipher = flip(d.Cipher) },
			"changed tag":        func(d *operations.Decrypt) { d.Tag = flip(d.Tag) },
			"changed iv":         func(d *operations.Decrypt) { d.IV = flip(d.IV) },
			"changed data":       func(d *operations.Decrypt) { d.AD = []byte("Header") },
			"data left out":      func(d *operations.Decrypt) { d.AD = nil },
			"cut ciphertext":     func(d *operations.Decrypt) { d.Cipher = d.Cipher[1:] },
			"no ciphertext":      func(d *operations.Decrypt) { d.Cipher = nil },
		} {
			t.Run(name, func(t *testing.T) {
				d := good
				change(&d)
				s.refuseDecryption(t, key.Ref(), d)
			})
		}
		t.Run("another key", func(t *testing.T) {
			if other := s.pair(t, "AES 128"); other != nil {
				s.refuseDecryption(t, other.Ref(), good)
			}
		})
		if got := s.operate(t, key.Ref(), good).Output; !bytes.Equal(got, plain) {
			t.Errorf("after all refusals got %q, want %q", got, plain)
		}
	})
	t.Run("RSA", func(t *testing.T) {
		key := s.pair(t, "RSA 2048")
		if key == nil {
			return
		}
		for name, d := range map[string]operations.Decrypt{
			"OAEP of rubbish":        {Mode: operations.OAEP, Hash: operations.SHA1, Cipher: append([]byte{0}, random(255)...)},
			"OAEP of a wrong length": {Mode: operations.OAEP, Hash: operations.SHA1, Cipher: random(100)},
			"OAEP above the modulus": {Mode: operations.OAEP, Hash: operations.SHA1, Cipher: bytes.Repeat([]byte{0xff}, 256)},
			"PKCS1 of a wrong length": {
				Mode: operations.PKCS1v15, Cipher: random(100),
			},
		} {
			t.Run(name, func(t *testing.T) {
				if s.does(d, keys.RSA) {
					s.refuseDecryption(t, key.Ref(), d)
				}
			})
		}
	})
}

// refuseDecryption fails unless d is refused as every decryption is.
func (s *suite) refuseDecryption(t *testing.T, ref hsm.Ref, d operations.Decrypt) {
	t.Helper()
	res, err := s.tok.Operate(within(t), ref, d)
	if err == nil {
		t.Errorf("got plaintext %q, want a refusal", res.Output)
		return
	}
	want := operations.DecryptRefused(nil)
	if !errors.Is(err, fault.Invalid) || fault.Message(err) != fault.Message(want) {
		t.Errorf("got kind %q and message %q (%v), want kind %q and message %q",
			fault.KindOf(err), fault.Message(err), err, fault.Invalid, fault.Message(want))
	}
	if len(res.Output) != 0 {
		t.Errorf("a refused decryption gives %d bytes away", len(res.Output))
	}
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 0x10
	return b
}
