package softkeys_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"gatehouse/adapters/softkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

func wantKind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("got error %v, want kind %q", err, want)
	}
}

// TestLegacyRSA: a key of 1024 bits does what undoes earlier protection, and
// nothing that protects.
func TestLegacyRSA(t *testing.T) {
	d, data := newDesk(t), []byte("data")
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	k := d.take(t, keys.Spec{Type: keys.RSA, Size: 1024}, x509.MarshalPKCS1PrivateKey(private))
	sum := sha256.Sum256(data)
	signature, err := private.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256})
	if err != nil {
		t.Fatalf("signing: %v", err)
	}
	if !d.must(t, k, operations.Verify{Mode: operations.PSS, Hash: operations.SHA256, Input: data, Signature: signature}).Valid {
		t.Error("a good signature does not verify")
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &private.PublicKey, data, nil)
	if err != nil {
		t.Fatalf("encrypting: %v", err)
	}
	if got := d.must(t, k, operations.Decrypt{Mode: operations.OAEP, Hash: operations.SHA256, Cipher: sealed}).Output; !bytes.Equal(got, data) {
		t.Errorf("decrypted %q, want %q", got, data)
	}
	_, err = d.use(t, k, operations.Sign{Mode: operations.PSS, Hash: operations.SHA256, Input: data})
	wantKind(t, err, fault.Unsupported)
	_, err = d.use(t, k, operations.Encrypt{Mode: operations.OAEP, Hash: operations.SHA256, Plain: data})
	wantKind(t, err, fault.Unsupported)
}

func TestShortHMACOnlyVerifies(t *testing.T) {
	d := newDesk(t)
	k := d.take(t, keys.Spec{Type: keys.HMAC}, []byte("Jefe")) // RFC 4231, 4.3
	mac := unhex(t, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
	if !d.must(t, k, operations.MACVerify{Hash: operations.SHA256, Data: []byte("what do ya want for nothing?"), MAC: mac}).Valid {
		t.Error("a good MAC does not verify")
	}
	_, err := d.use(t, k, operations.MAC{Hash: operations.SHA256, Data: []byte("data")})
	wantKind(t, err, fault.Unsupported)
}

func TestImportRefusals(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	bare := x509.MarshalPKCS1PublicKey(&small.PublicKey)
	tiny, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 511, 1), E: 65537})
	if err != nil {
		t.Fatalf("encoding a small key: %v", err)
	}
	for name, c := range map[string]struct {
		spec  keys.Spec
		value []byte
		want  fault.Kind
	}{
		"nothing":                     {keys.Spec{Type: keys.Secret}, nil, fault.Invalid},
		"more than fits":              {keys.Spec{Type: keys.Opaque}, make([]byte, keys.MaxMaterial+1), fault.Invalid},
		"DES3 that is DES":            {keys.Spec{Type: keys.DES3}, bytes.Repeat([]byte("eight by"), 3), fault.Invalid},
		"DES3 that is DES but parity": {keys.Spec{Type: keys.DES3}, append([]byte("eight bx"), "eight by"...), fault.Invalid},
		"an RSA key of 512 bits":      {keys.Spec{Type: keys.RSA}, tiny, fault.Unsupported},
		"a bare PKCS#1 public key":    {keys.Spec{Type: keys.RSA}, bare, fault.Invalid},
		"a point off its curve":       {keys.Spec{Type: keys.EC}, unhex(t, strings.Replace(secp256k1, "d4b8", "d4b9", 1)), fault.Invalid},
		"a curve that is not here":    {keys.Spec{Type: keys.EC}, unhex(t, strings.Replace(secp256k1, "052b8104000a", "052b81040021", 1)), fault.Invalid},
		"a type that nobody knows":    {keys.Spec{Type: "XMSS"}, []byte("value"), fault.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			_, err := d.b.Import(t.Context(), d.order(c.spec), secret.New(c.value))
			wantKind(t, err, c.want)
		})
	}
}

// The base point of secp256k1 (SEC 2, 2.4.1) as a public key.
const secp256k1 = "3056301006072a8648ce3d020106052b8104000a0342000479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"

func TestGenerateRefusals(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		spec keys.Spec
		want fault.Kind
	}{
		"another exponent":         {keys.Spec{Type: keys.RSA, Size: 2048, RSA: keys.RSAOptions{PublicExponent: 65539}}, fault.Unsupported},
		"a curve that is not here": {keys.Spec{Type: keys.EC, Curve: "Ed448"}, fault.Unsupported},
		"a secret":                 {keys.Spec{Type: keys.Secret, Size: 256}, fault.Invalid},
		"a type that nobody knows": {keys.Spec{Type: "XMSS", Size: 256}, fault.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.b.Generate(t.Context(), d.order(c.spec))
			wantKind(t, err, c.want)
		})
	}
}

func TestDES3Parity(t *testing.T) {
	d := newDesk(t)
	for _, size := range []int{112, 168} {
		for _, b := range d.export(t, d.generate(t, keys.Spec{Type: keys.DES3, Size: size})) {
			ones := 0
			for ; b != 0; b &= b - 1 {
				ones++
			}
			if ones%2 != 1 {
				t.Fatalf("a byte of a %d-bit key has %d bits set, want an odd number", size, ones)
			}
		}
	}
}

func TestCCMInputTooLongForItsIV(t *testing.T) {
	d := newDesk(t)
	k := d.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	op := operations.Encrypt{Mode: operations.CCM, IV: make([]byte, 13), Plain: make([]byte, 1<<16)}
	_, err := d.use(t, k, op)
	wantKind(t, err, fault.Invalid)
	op.Plain = op.Plain[1:]
	d.must(t, k, op)
}

func TestAnotherKindOfGroup(t *testing.T) {
	d := newDesk(t)
	o := d.order(keys.Spec{Type: keys.AES, Size: 256})
	o.Group.Kind = groups.SoftHSM
	_, err := d.b.Generate(t.Context(), o)
	wantKind(t, err, fault.Internal)
}

// TestGenerateGivesUp: the caller does not wait for an RSA key that takes
// longer than its context, nor for a place among those who make one.
func TestGenerateGivesUp(t *testing.T) {
	d := newDesk(t)
	for range 4 { // more than may be made at once
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := d.b.Generate(ctx, d.order(keys.Spec{Type: keys.RSA, Size: 4096}))
		cancel()
		wantKind(t, err, fault.Unavailable)
		if !errors.Is(err, context.DeadlineExceeded) || fault.ReasonOf(err) != fault.TimedOut {
			t.Errorf("got error %v, want it to tell that the context ended", err)
		}
	}
}

// TestNormalise: Normalise tells what the key has.
func TestNormalise(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	s, v, whole, err := softkeys.Normalise(keys.Spec{Type: keys.RSA}, secret.New(x509.MarshalPKCS1PrivateKey(private)))
	if err != nil || !whole || s.Size != 1024 || s.RSA.PublicExponent != 65537 || s.Ops != keys.DefaultOps(keys.RSA, "") {
		t.Errorf("got %+v, whole %v, error %v", s, whole, err)
	}
	want, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil || !v.Equal(secret.New(want)) {
		t.Errorf("the material is not the key as PKCS#8; error %v", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatalf("encoding the public key: %v", err)
	}
	if _, _, whole, err = softkeys.Normalise(keys.Spec{Type: keys.RSA}, secret.New(public)); err != nil || whole {
		t.Errorf("of a public key: whole %v, error %v", whole, err)
	}
}
