package agreement

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"

	"gatehouse/features/agreement/circl"
	"gatehouse/features/agreement/task"
	"gatehouse/simulators/lab/openssl"
)

// Ring is the keys of all rows: few, for each is put into each group.
type Ring struct{ keys map[string]*task.Key }

// Key returns a key by its type, and its size, curve or set of parameters.
func (r Ring) Key(kind string, which any) *task.Key {
	return r.keys[fmt.Sprint(kind, " ", which)]
}

// other is the pair that a pair agrees with.
const other = "other"

// RSA keys take up to a minute to make: these were made once, by openssl, for
// these tests and nothing else.
//
//go:embed testdata/test-key-rsa-*.pem
var rsaKeys embed.FS

// Sizes of the keys in bits.
var (
	aesSizes  = []int{128, 192, 256}
	des3Sizes = []int{112, 168}
	rsaSizes  = []int{1024, 2048, 3072, 4096, 8192}
	hmacSizes = []int{112, 256, 1536}
)

// curves are openssl's names of them.
var curves = []struct{ curve, algorithm, option string }{
	{"NistP224", "EC", "P-224"},
	{"NistP256", "EC", "P-256"},
	{"NistP384", "EC", "P-384"},
	{"NistP521", "EC", "P-521"},
	{"SecP256K1", "EC", "secp256k1"},
	{"Ed25519", "ED25519", ""},
	{"X25519", "X25519", ""},
}

// sets are the sets of parameters.
var sets = []struct{ kind, set string }{
	{"MLDSA", "MlDsa44"},
	{"MLDSA", "MlDsa65"},
	{"MLDSA", "MlDsa87"},
	{"MLKEM", "MlKem768"},
	{"MLKEM", "MlKem1024"},
}

// NewRing makes the keys: pairs by openssl, or CIRCL where openssl has none.
func NewRing(ctx context.Context) (Ring, error) {
	r := Ring{keys: map[string]*task.Key{}}
	put := func(k *task.Key, which any) { r.keys[fmt.Sprint(k.Type, " ", which)] = k }
	for kind, sizes := range map[string][]int{"AES": aesSizes, "DES3": des3Sizes, "HMAC": hmacSizes} {
		for _, bits := range sizes {
			n := bits / 8
			if kind == "DES3" { // 8 bits of parity for 56
				n = bits / 7
			}
			put(&task.Key{Type: kind, Size: bits, Private: random(n)}, bits)
		}
	}
	put(&task.Key{Type: "SECRET", Private: random(48)}, "")
	put(&task.Key{Type: "OPAQUE", Private: random(77)}, "")
	for _, bits := range rsaSizes {
		text, err := rsaKeys.ReadFile(fmt.Sprintf("testdata/test-key-rsa-%d.pem", bits))
		if err != nil {
			return r, err
		}
		k, err := pair(ctx, "RSA", text)
		if err != nil {
			return r, err
		}
		k.Size = bits
		put(k, bits)
	}
	for _, c := range curves {
		for _, which := range []string{c.curve, c.curve + other} {
			args := []string{"genpkey", "-algorithm", c.algorithm}
			if c.option != "" {
				args = append(args, "-pkeyopt", "ec_paramgen_curve:"+c.option)
			}
			text, err := openssl.Run(ctx, nil, args...)
			if err != nil {
				return r, err
			}
			k, err := pair(ctx, "EC", text)
			if err != nil {
				return r, err
			}
			k.Curve = c.curve
			put(k, which)
		}
	}
	for _, s := range sets {
		k, err := circl.New(s.kind, s.set)
		if err != nil {
			return r, err
		}
		put(k, s.set)
	}
	cert, err := certificate(ctx, r.Key("RSA", 2048))
	put(&task.Key{Type: "CERTIFICATE", Private: cert}, "")
	return r, err
}

// pair reads a private key in PEM and has openssl tell the public half.
func pair(ctx context.Context, kind string, text []byte) (*task.Key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("openssl did not write a PKCS#8 key")
	}
	public, err := openssl.Run(ctx, text, "pkey", "-pubout", "-outform", "DER")
	return &task.Key{Type: kind, Private: block.Bytes, Public: public}, err
}

func certificate(ctx context.Context, k *task.Key) ([]byte, error) {
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.Private})
	der, err := openssl.Run(ctx, text, "req", "-new", "-x509", "-key", "/dev/stdin", "-subj", "/CN=agreement.gatehouse.example", "-days", "30", "-outform", "DER")
	if err != nil {
		return nil, err
	}
	_, err = x509.ParseCertificate(der)
	return der, err
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
