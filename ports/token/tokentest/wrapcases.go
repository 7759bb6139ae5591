package tokentest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"testing"

	josecipher "github.com/go-jose/go-jose/v4/cipher"
	kwp "github.com/tink-crypto/tink-go/v2/kwp/subtle"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// What wrapping keys, and those that others are derived from, may do.
const (
	wrapOps   = keys.OpWrap | keys.OpUnwrap
	deriveOps = keys.OpDerive
)

// wrapCase is one way to wrap that the suite asks for.
type wrapCase struct {
	kind string // of the wrapping key
	name string // the part of the case's name behind "wrap AES "
	w    operations.Wrap
}

func wrapCases() []wrapCase {
	var cases []wrapCase
	for _, m := range []operations.Mode{
		operations.KW, operations.KWP, operations.CBC, operations.CBCNoPad, operations.ECB, operations.CTR, operations.GCM,
	} {
		cases = append(cases, wrapCase{"AES 256", string(m), operations.Wrap{Mode: m}})
	}
	cases = append(cases,
		wrapCase{"AES 256", "GCM with data and an iv", operations.Wrap{Mode: operations.GCM, AD: []byte("header"), IV: random(12)}},
		wrapCase{"AES 256", "CBC with an iv", operations.Wrap{Mode: operations.CBC, IV: random(16)}},
		wrapCase{"AES 256", "CCM", operations.Wrap{Mode: operations.CCM, AD: []byte("header")}},
		wrapCase{"DES3 168", "CBC", operations.Wrap{Mode: operations.CBC}},
		wrapCase{"RSA 2048", "PKCS1_V15", operations.Wrap{Mode: operations.PKCS1v15}},
	)
	for _, h := range []operations.Hash{operations.SHA1, operations.SHA256, operations.SHA512} {
		cases = append(cases, wrapCase{"RSA 2048", "OAEP " + string(h), operations.Wrap{Mode: operations.OAEP, Hash: h}})
	}
	return cases
}

// anyLength reports whether a mode wraps keys of any number of bytes.
func anyLength(m operations.Mode) bool {
	return m == operations.KWP || m == operations.CBC || m == operations.GCM || m == operations.CTR || m == operations.CCM
}

// unwrapOf returns the reverse of a wrapping.
func unwrapOf(w operations.Wrap, res operations.Result) operations.Unwrap {
	return operations.Unwrap{Mode: w.Mode, Hash: w.Hash, Wrapped: res.Output, IV: res.IV, AD: w.AD, Tag: res.Tag, Label: w.Label}
}

// wrapper returns a wrapping key whose material the suite knows, made once; nil
// when the token rightly refuses it.
func (s *suite) wrapper(t *testing.T, kind string) *imported {
	t.Helper()
	if k, ok := s.wrappers[kind]; ok {
		return k
	}
	s.wrappers[kind] = s.importKnown(t, s.withOps(kind, wrapOps))
	return s.wrappers[kind]
}

// withOps returns a template of a kind with other operations.
func (s *suite) withOps(kind string, ops keys.Ops) hsm.Template {
	tpl := s.kind(kind)
	tpl.Ops = ops
	return tpl
}

// importKnown imports a key of which the suite knows the material; nil when the
// token rightly refuses.
func (s *suite) importKnown(t *testing.T, tpl hsm.Template) *imported {
	t.Helper()
	k := &imported{}
	switch tpl.Type {
	case keys.RSA:
		k.rsa, tpl.Private = rsaKey(), true
		k.raw = pkcs8(t, k.rsa)
	case keys.EC:
		k.ec, tpl.Private = ecKey(t, goCurve(tpl.Curve)), true
		k.raw = pkcs8(t, k.ec)
	case keys.DES3:
		k.raw = desKey()
	default:
		k.raw = random(tpl.Size / 8)
	}
	o, err := s.tok.Import(within(t), tpl, secret.New(bytes.Clone(k.raw)))
	if !s.refusals.works(t, "import "+caseOf(tpl), err) {
		return nil
	}
	k.object = o
	return k
}

// goUnwrap opens what a token has wrapped, with Go's cryptography.
func goUnwrap(k *imported, w operations.Wrap, res operations.Result, size int) ([]byte, error) {
	switch w.Mode { //nolint:exhaustive // the others are encryptions
	case operations.OAEP:
		return k.rsa.Decrypt(rand.Reader, res.Output, &rsa.OAEPOptions{Hash: goHash(w.Hash), Label: w.Label})
	case operations.PKCS1v15:
		return k.rsa.Decrypt(rand.Reader, res.Output, nil)
	case operations.KWP:
		u, err := kwp.NewKWP(k.raw)
		if err != nil {
			return nil, err
		}
		return u.Unwrap(res.Output)
	case operations.KW:
		b, err := aes.NewCipher(k.raw)
		if err != nil {
			return nil, err
		}
		return josecipher.KeyUnwrap(b, res.Output)
	case operations.CCM:
		return nil, errors.New("the suite has no CCM")
	}
	op := operations.Encrypt{Mode: w.Mode, AD: w.AD, TagBits: w.TagBits, Plain: make([]byte, size)}
	return goDecrypt(k, op, res)
}

// goWrap wraps as a stranger would, with KW.
func goWrap(t *testing.T, k *imported, value []byte) []byte {
	t.Helper()
	b, err := aes.NewCipher(k.raw)
	if err != nil {
		t.Fatal(err)
	}
	out, err := josecipher.KeyWrap(b, value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// isKey checks that a secret key in the token that may encrypt has a value.
func (s *suite) isKey(t *testing.T, o hsm.Object, value []byte) {
	t.Helper()
	plain := bytes.Repeat([]byte("is it this key ?"), 2)
	op := operations.Encrypt{Mode: operations.CBC, Plain: plain, IV: make([]byte, operations.BlockSize(o.Type))}
	got := s.operate(t, o.Ref(), op).Output
	want, err := goCBC(o.Type, value, op.IV, plain)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < len(want) || !bytes.Equal(got[:len(want)], want) {
		t.Errorf("the key encrypts to %x, want it to begin with %x: it is another key", got, want)
	}
}

func goCBC(typ keys.Type, key, iv, plain []byte) ([]byte, error) {
	newCipher := aes.NewCipher
	if typ == keys.DES3 {
		newCipher = des.NewTripleDESCipher
	}
	b, err := newCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the suite's key: %w", err)
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(b, iv).CryptBlocks(out, plain)
	return out, nil
}
