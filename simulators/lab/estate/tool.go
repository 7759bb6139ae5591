package estate

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
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
	args, ok := toolKeys[w]
	if !ok {
		file := filepath.Join(t.dir, "object")
		defer os.Remove(file)
		content := []byte("Der Schlüssel zum Tresor liegt beim Pförtner.\n")
		args = []string{"--write-object", file, "--type", "data", "--private"}
		if w == certificate {
			der, err := newCertificate(string(k.Label))
			if err != nil {
				return err
			}
			content, args[3], args = der, "cert", args[:4]
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return fmt.Errorf("writing what pkcs11-tool is to read: %w", err)
		}
	}
	args = append([]string{}, args...)
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
