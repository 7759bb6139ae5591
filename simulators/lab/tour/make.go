package tour

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/lab/openssl"
)

func (t *Tour) makeApp(ctx context.Context, _ Progress) (string, error) {
	name, ordinary := "payments", "Ordinary keys"
	var err error
	if t.ordinary, err = t.admin.CreateGroup(ctx, dsmwire.GroupRequest{Name: &ordinary}); err != nil {
		return "", err
	}
	permissions := []string{"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "MACGENERATE", "MACVERIFY", "EXPORT", "MANAGE"}
	app, err := t.admin.CreateApp(ctx, dsmwire.AppRequest{
		Name: &name, DefaultGroup: &t.hsm.GroupID,
		AddGroups: dsmwire.AppGroups{Permissions: map[string][]string{t.hsm.GroupID: permissions, t.ordinary.GroupID: permissions}},
	})
	if err != nil {
		return "", err
	}
	if t.apiKey, err = t.admin.AppAPIKey(ctx, app.AppID); err != nil {
		return "", err
	}
	if t.app, err = connect(t.lab.Service, dsmclient.Config{APIKey: t.apiKey}); err != nil {
		return "", err
	}
	if _, err := t.app.Login(ctx); err != nil {
		return "", err
	}
	keys, err := allKeys(ctx, t.app, t.hsm.GroupID)
	if err != nil {
		return "", err
	}
	if len(keys) != len(t.virtual) {
		return "", fmt.Errorf("the app sees %d of %d keys", len(keys), len(t.virtual))
	}
	return fmt.Sprintf("%q logs in with its API key and sees the %d keys of its group", name, len(keys)), nil
}

// inToken returns what pkcs11-tool lists of the key that k stands for.
func (t *Tour) inToken(ctx context.Context, k dsmwire.Sobject) (opensc.Object, error) {
	objects, err := t.tool.List(ctx)
	if err != nil {
		return opensc.Object{}, err
	}
	found := opensc.Keys(objects)
	i := slices.IndexFunc(found, func(o opensc.Object) bool {
		return o.ID == hex.EncodeToString(k.External.ID.ID) && o.Label == string(k.External.ID.Label)
	})
	if i < 0 {
		return opensc.Object{}, fmt.Errorf("pkcs11-tool does not list %q", k.Name)
	}
	return found[i], nil
}

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
