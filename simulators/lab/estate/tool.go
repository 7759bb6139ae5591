package estate

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gatehouse/simulators/lab/opensc"
)

// tool makes things with pkcs11-tool.
type tool struct {
	*opensc.Tool
	dir string
}

// toolKeys are the key types of pkcs11-tool.
var toolKeys = map[what][]string{
	aes128:      {"--keygen", "--key-type", "AES:16"},
	aes256:      {"--keygen", "--key-type", "AES:32"},
	secret256:   {"--keygen", "--key-type", "GENERIC:32", "--usage-sign"},
	rsa2048:     {"--keypairgen", "--key-type", "rsa:2048"},
	p256:        {"--keypairgen", "--key-type", "EC:prime256v1", "--usage-sign"},
	p384:        {"--keypairgen", "--key-type", "EC:secp384r1", "--usage-sign"},
	ed25519Pair: {"--keypairgen", "--key-type", "EC:edwards25519", "--usage-sign"},
}

func (t tool) make(ctx context.Context, w what, k Key) error {
	switch w { //nolint:exhaustive // the rest is generated below
	case certificate:
		der, err := newCertificate(string(k.Label))
		if err != nil {
			return err
		}
		return t.write(ctx, k, der, "--type", "cert")
	case data:
		return t.write(ctx, k, []byte("Der Schlüssel zum Tresor liegt beim Pförtner.\n"), "--type", "data", "--private")
	}
	args, ok := toolKeys[w]
	if !ok {
		return errors.New("pkcs11-tool has no such key type")
	}
	return t.named(ctx, k, args...)
}

// write writes an object that already exists.
func (t tool) write(ctx context.Context, k Key, content []byte, args ...string) (err error) {
	file := filepath.Join(t.dir, "object")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("writing what pkcs11-tool is to read: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	return t.named(ctx, k, append([]string{"--write-object", file}, args...)...)
}

// named makes an object with k's CKA_ID and CKA_LABEL.
func (t tool) named(ctx context.Context, k Key, args ...string) error {
	args = slices.Clone(args)
	if len(k.ID) != 0 {
		args = append(args, "--id", hex.EncodeToString(k.ID))
	}
	if len(k.Label) != 0 {
		args = append(args, "--label", string(k.Label))
	}
	_, err := t.Run(ctx, args...)
	return err
}

// newCertificate makes a certificate, of a key that nobody keeps.
func newCertificate(name string) ([]byte, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("making a key for a certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2019, 4, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2029, 4, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return der, nil
}
