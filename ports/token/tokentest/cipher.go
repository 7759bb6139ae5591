package tokentest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// cipherCase is one encryption that the suite asks for.
type cipherCase struct {
	name string // the part of the case's name behind "encrypt "
	op   operations.Encrypt
}

func cipherCases(t keys.Type) []cipherCase {
	block := operations.BlockSize(t)
	whole, odd := bytes.Repeat([]byte("whole blocks...."), 4), []byte("not a multiple of any block size")[:29]
	cases := []cipherCase{
		{"ECB", operations.Encrypt{Mode: operations.ECB, Plain: whole}},
		{"CBC", operations.Encrypt{Mode: operations.CBC, Plain: odd}},
		{"CBC of whole blocks", operations.Encrypt{Mode: operations.CBC, Plain: whole}},
		{"CBC of nothing", operations.Encrypt{Mode: operations.CBC}},
		{"CBC with an iv", operations.Encrypt{Mode: operations.CBC, Plain: odd, IV: random(block)}},
		{"CBCNOPAD", operations.Encrypt{Mode: operations.CBCNoPad, Plain: whole}},
	}
	if t != keys.AES {
		return cases
	}
	long := bytes.Repeat([]byte("sixteen bytes..."), operations.MaxInput/16)
	return append(cases,
		cipherCase{"CTR", operations.Encrypt{Mode: operations.CTR, Plain: odd}},
		cipherCase{"CTR with an iv", operations.Encrypt{Mode: operations.CTR, Plain: odd, IV: random(16)}},
		cipherCase{"CTR with an iv that runs over", operations.Encrypt{Mode: operations.CTR, Plain: odd, IV: bytes.Repeat([]byte{0xff}, 16)}},
		cipherCase{"GCM", operations.Encrypt{Mode: operations.GCM, Plain: odd}},
		cipherCase{"GCM of nothing", operations.Encrypt{Mode: operations.GCM, AD: []byte("header")}},
		cipherCase{"GCM with data and an iv", operations.Encrypt{Mode: operations.GCM, Plain: odd, AD: []byte("header"), IV: random(12)}},
		cipherCase{"GCM with a tag of 96 bits", operations.Encrypt{Mode: operations.GCM, Plain: odd, TagBits: 96}},
		cipherCase{"GCM with an iv of 16 bytes", operations.Encrypt{Mode: operations.GCM, Plain: odd, IV: random(16)}},
		cipherCase{"GCM of the longest input", operations.Encrypt{Mode: operations.GCM, Plain: long}},
		cipherCase{"CBC of the longest input", operations.Encrypt{Mode: operations.CBC, Plain: long}},
		cipherCase{"CCM", operations.Encrypt{Mode: operations.CCM, Plain: odd, AD: []byte("header")}},
	)
}

// ciphers: what the token encrypts Go decrypts, and the other way round.
func (s *suite) ciphers(t *testing.T) {
	for _, k := range []struct {
		typ keys.Type
		key func(*testing.T) *imported
	}{{keys.AES, s.knownAES}, {keys.DES3, s.knownDES3}} {
		for _, c := range cipherCases(k.typ) {
			t.Run(fmt.Sprintf("%s %s", k.typ, c.name), func(t *testing.T) {
				if key := k.key(t); key != nil {
					s.cipher(t, key, c)
				}
			})
		}
	}
}

func (s *suite) cipher(t *testing.T, key *imported, c cipherCase) {
	ref := key.object.Ref()
	res, err := s.tok.Operate(within(t), ref, c.op)
	if !s.operated(t, "encrypt", key.object.Type, c.name, c.op, err) {
		return
	}
	block := operations.BlockSize(key.object.Type)
	wantIV := len(c.op.IV)
	if wantIV == 0 {
		wantIV = c.op.Mode.IVSize(block)
	}
	if len(res.IV) != wantIV || len(c.op.IV) != 0 && !bytes.Equal(res.IV, c.op.IV) {
		t.Errorf("got iv %x, want %d bytes, those given if any: %x", res.IV, wantIV, c.op.IV)
	}
	wantTag := 0
	if c.op.Mode == operations.GCM || c.op.Mode == operations.CCM {
		wantTag = 16
	}
	if c.op.TagBits != 0 {
		wantTag = c.op.TagBits / 8
	}
	if len(res.Tag) != wantTag {
		t.Errorf("got a tag of %d bytes, want %d", len(res.Tag), wantTag)
	}
	if c.op.Mode != operations.CCM { // Go has no CCM: the token's own decryption has to do
		got, err := goDecrypt(key, c.op, res)
		if err != nil || !bytes.Equal(got, c.op.Plain) {
			t.Errorf("Go decrypts to %s (%v), want %s", shown(got), err, shown(c.op.Plain))
		}
	}
	back := operations.Decrypt{Mode: c.op.Mode, Cipher: res.Output, IV: res.IV, Tag: res.Tag, AD: c.op.AD}
	if got := s.operate(t, ref, back).Output; !bytes.Equal(got, c.op.Plain) {
		t.Errorf("the token decrypts to %s, want %s", shown(got), shown(c.op.Plain))
	}
	if len(c.op.IV) == 0 && wantIV != 0 {
		if again := s.operate(t, ref, c.op); bytes.Equal(again.IV, res.IV) {
			t.Errorf("two encryptions were given the same iv %x", res.IV)
		}
	}
}

// shown spells bytes for a message: long ones by their beginning.
func shown(b []byte) string {
	if len(b) > 100 {
		return fmt.Sprintf("%q and so on, %d bytes", b[:32], len(b))
	}
	return fmt.Sprintf("%q", b)
}

// operated takes the outcome of an operation, compares it with the token's
// capabilities, and reports whether the case may go on.
func (s *suite) operated(t *testing.T, verb string, typ keys.Type, name string, op operations.Operation, err error) bool {
	t.Helper()
	m := hsm.MechanismFor(op, typ)
	works := s.refusals.works(t, fmt.Sprintf("%s %s %s", verb, typ, name), err)
	if works && !s.caps.Lists(m) {
		t.Errorf("%+v works, and the capabilities do not list it", m)
	}
	plain := name == strings.TrimSpace(fmt.Sprintf("%s %s", m.Mode, m.Hash)) // nothing special was asked for
	if !works && plain && slices.Contains(s.caps.Mechanisms, m) {
		t.Errorf("%+v is refused, and the capabilities list it", m)
	}
	return works
}

func goDecrypt(key *imported, op operations.Encrypt, res operations.Result) ([]byte, error) {
	newCipher := aes.NewCipher
	if key.object.Type == keys.DES3 {
		newCipher = des.NewTripleDESCipher
	}
	b, err := newCipher(key.raw)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(res.Output))
	switch op.Mode {
	case operations.GCM:
		return goOpenGCM(b, op, res)
	case operations.CTR:
		cipher.NewCTR(b, res.IV).XORKeyStream(out, res.Output)
		return out, nil
	case operations.ECB:
		for i := 0; i+b.BlockSize() <= len(out); i += b.BlockSize() {
			b.Decrypt(out[i:], res.Output[i:])
		}
		return out, nil
	case operations.CBC, operations.CBCNoPad:
		if len(out)%b.BlockSize() != 0 {
			return nil, fmt.Errorf("%d bytes are no whole blocks", len(out))
		}
		cipher.NewCBCDecrypter(b, res.IV).CryptBlocks(out, res.Output)
		if op.Mode == operations.CBCNoPad {
			return out, nil
		}
		n := len(op.Plain)
		pad := b.BlockSize() - n%b.BlockSize()
		if len(out) != n+pad || !bytes.Equal(out[n:], bytes.Repeat([]byte{byte(pad)}, pad)) {
			return nil, fmt.Errorf("%x is not padded as PKCS #7 has it", out)
		}
		return out[:n], nil
	default:
		return nil, fmt.Errorf("the suite has no %s", op.Mode)
	}
}

func goOpenGCM(b cipher.Block, op operations.Encrypt, res operations.Result) ([]byte, error) {
	aead, err := cipher.NewGCMWithNonceSize(b, len(res.IV))
	if len(res.IV) == 12 {
		aead, err = cipher.NewGCMWithTagSize(b, max(op.TagBits/8, 12))
		if op.TagBits == 0 {
			aead, err = cipher.NewGCM(b)
		}
	}
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, res.IV, append(bytes.Clone(res.Output), res.Tag...), op.AD)
}

// roundTrip encrypts and decrypts with an AES key, to see that it is there and whole.
func (s *suite) roundTrip(t *testing.T, ref hsm.Ref) {
	t.Helper()
	plain := []byte("there and back")
	sealed := s.operate(t, ref, operations.Encrypt{Mode: operations.CBC, Plain: plain})
	back := s.operate(t, ref, operations.Decrypt{Mode: operations.CBC, Cipher: sealed.Output, IV: sealed.IV})
	if !bytes.Equal(back.Output, plain) {
		t.Errorf("got %q back, want %q", back.Output, plain)
	}
}
