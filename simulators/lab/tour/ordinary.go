package tour

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"gatehouse/adapters/dsmwire"
	"gatehouse/simulators/lab/openssl"
)

func (t *Tour) makeOrdinary(ctx context.Context, _ Progress) (string, error) {
	name := "ordinary-p256"
	k, err := t.app.Generate(ctx, dsmwire.SobjectRequest{Name: &name, GroupID: &t.ordinary.GroupID, ObjType: "EC", EllipticCurve: "NistP256"})
	if err != nil {
		return "", err
	}
	if k.External != nil {
		return "", errors.New("a key of an ordinary group is a virtual key")
	}
	found, err := t.sign(ctx, k, k.PubKey, "SHA256", nil, openssl.Digest("sha256"))
	if err != nil {
		return "", err
	}
	value := make([]byte, 32)
	if _, err := rand.Read(value); err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	imported, err := t.importKey(ctx, "ordinary-aes", t.ordinary, "AES", value)
	if err != nil {
		return "", err
	}
	if err := t.decryptedByOpenSSL(ctx, imported, value); err != nil {
		return "", err
	}
	return "no HSM, the material sealed in the service:\n" + found + ";\nopenssl decrypts what an imported AES-256 key encrypted (CBC)", nil
}

func (t *Tour) encryptOAEP(ctx context.Context, _ Progress) (string, error) {
	// SoftHSM2 knows OAEP with SHA-1 alone.
	if err := t.oaep(ctx, "brought-along-rsa", t.hsm, "SHA1"); err != nil {
		return "", fmt.Errorf("in %q: %w", t.hsm.Name, err)
	}
	if err := t.oaep(ctx, "ordinary-rsa", t.ordinary, "SHA256"); err != nil {
		return "", fmt.Errorf("in %q: %w", t.ordinary.Name, err)
	}
	return "openssl decrypts what its own RSA-2048 keys encrypted, once imported:\nin the HSM (SHA-1, the one hash that SoftHSM2 has here), in the ordinary group (SHA-256)", nil
}

// oaep imports a key that openssl makes, encrypts with it, and fails unless
// openssl decrypts that.
func (t *Tour) oaep(ctx context.Context, name string, g dsmwire.Group, hash string) error {
	private, err := openssl.NewRSA(ctx)
	if err != nil {
		return err
	}
	k, err := t.importKey(ctx, name, g, "RSA", private)
	if err != nil {
		return err
	}
	sealed, err := t.app.Encrypt(ctx, dsmwire.EncryptRequest{
		Key: &dsmwire.SobjectDescriptor{KID: k.KID}, Alg: "RSA", Mode: &dsmwire.Mode{Name: dsmwire.OAEP, Hash: hash}, Plain: []byte(message),
	})
	if err != nil {
		return err
	}
	plain, err := openssl.DecryptOAEP(ctx, private, strings.ToLower(hash), sealed.Cipher)
	if err == nil && string(plain) != message {
		err = errors.New("openssl decrypts it to something else")
	}
	return err
}
