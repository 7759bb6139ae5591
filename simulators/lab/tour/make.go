package tour

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/openssl"
)

func (t *Tour) generate(ctx context.Context, _ Progress) (string, error) {
	name := "made-by-gatehouse"
	k, err := t.app.Generate(ctx, dsmwire.SobjectRequest{
		Name: &name, GroupID: &t.hsm.GroupID, ObjType: "EC", EllipticCurve: "NistP256", KeyOps: &[]string{"SIGN", "VERIFY", "APPMANAGEABLE"},
	})
	if err != nil {
		return "", err
	}
	if k.External == nil {
		return "", errors.New("what was made is not a virtual key")
	}
	listed, err := t.inToken(ctx, k)
	if err != nil {
		return "", err
	}
	if listed.Class != hsm.PrivateKey || listed.Point == "" {
		return "", fmt.Errorf("pkcs11-tool lists it as %+v, which is not a pair", listed)
	}
	public, err := t.publicKey(ctx, k)
	if err != nil {
		return "", err
	}
	found, err := t.sign(ctx, k, public, "SHA256", nil, openssl.Digest("sha256"))
	return fmt.Sprintf("pkcs11-tool lists the P-256 pair with CKA_ID %s;\n%s", listed.ID, found), err
}

func (t *Tour) importAES(ctx context.Context, _ Progress) (string, error) {
	value := make([]byte, 32)
	if _, err := rand.Read(value); err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	k, err := t.importKey(ctx, "brought-along", t.hsm, "AES", value)
	if err != nil {
		return "", err
	}
	if k.External == nil {
		return "", errors.New("what was imported is not a virtual key")
	}
	listed, err := t.inToken(ctx, k)
	if err != nil {
		return "", err
	}
	if err := t.decryptedByOpenSSL(ctx, k, value); err != nil {
		return "", err
	}
	return fmt.Sprintf("pkcs11-tool lists the AES-256 key with CKA_ID %s;\nopenssl decrypts what it encrypted in the HSM (CBC)", listed.ID), nil
}

// importKey has the app import a key.
func (t *Tour) importKey(ctx context.Context, name string, g dsmwire.Group, objType string, value []byte) (dsmwire.Sobject, error) {
	return t.app.Import(ctx, dsmwire.SobjectRequest{
		Name: &name, GroupID: &g.GroupID, ObjType: objType, Value: dsmwire.NewSecretBytes(secret.New(value)),
	})
}

// decryptedByOpenSSL encrypts with k and fails unless openssl, which knows its
// value, decrypts it.
func (t *Tour) decryptedByOpenSSL(ctx context.Context, k dsmwire.Sobject, value []byte) error {
	sealed, err := t.app.Encrypt(ctx, dsmwire.EncryptRequest{
		Key: &dsmwire.SobjectDescriptor{KID: k.KID}, Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}, Plain: []byte(message),
	})
	if err != nil {
		return err
	}
	plain, err := openssl.DecryptCBC(ctx, value, sealed.IV, sealed.Cipher)
	if err == nil && string(plain) != message {
		err = errors.New("openssl decrypts it to something else")
	}
	return err
}
