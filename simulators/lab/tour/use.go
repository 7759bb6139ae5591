package tour

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/simulators/lab/estate"
	"gatehouse/simulators/lab/openssl"
)

// message is what is signed and encrypted.
const message = "Überweisung: 100 Franken an die Kaffeekasse\n"

// virtualKey returns the virtual key with a CKA_LABEL that only one has.
func (t *Tour) virtualKey(label string) (dsmwire.Sobject, error) {
	var found []dsmwire.Sobject
	for _, k := range t.virtual {
		if string(k.External.ID.Label) == label {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return dsmwire.Sobject{}, fmt.Errorf("%d virtual keys are labelled %q, not 1", len(found), label)
	}
	return found[0], nil
}

func (t *Tour) signPKCS1(ctx context.Context, _ Progress) (string, error) {
	return t.signWith(ctx, estate.CodeSigning, "SHA256", &dsmwire.Mode{Name: dsmwire.PKCS1v15}, openssl.Digest("sha256"))
}

func (t *Tour) signPSS(ctx context.Context, _ Progress) (string, error) {
	return t.signWith(ctx, estate.CodeSigning, "SHA256", &dsmwire.Mode{Name: dsmwire.PSS, Hash: "SHA256"}, openssl.PSS("sha256"))
}

func (t *Tour) signP256(ctx context.Context, _ Progress) (string, error) {
	return t.signWith(ctx, estate.PaymentsSigning, "SHA256", nil, openssl.Digest("sha256"))
}

func (t *Tour) signP384(ctx context.Context, _ Progress) (string, error) {
	return t.signWith(ctx, estate.DocumentSigning, "SHA384", nil, openssl.Digest("sha384"))
}

func (t *Tour) signEd25519(ctx context.Context, _ Progress) (string, error) {
	return t.signWith(ctx, estate.UpdateSigning, "", nil, nil)
}

// signWith signs with a synced key and has openssl verify with the public key
// that pkcs11-tool read.
func (t *Tour) signWith(ctx context.Context, label, hash string, mode *dsmwire.Mode, scheme openssl.Scheme) (string, error) {
	k, err := t.virtualKey(label)
	if err != nil {
		return "", err
	}
	public, err := t.publicKey(ctx, k)
	if err != nil {
		return "", err
	}
	return t.sign(ctx, k, public, hash, mode, scheme)
}

// sign has the app sign with k, and openssl verify with public.
func (t *Tour) sign(ctx context.Context, k dsmwire.Sobject, public []byte, hash string, mode *dsmwire.Mode, scheme openssl.Scheme) (string, error) {
	signed, err := t.app.Sign(ctx, dsmwire.SignRequest{
		Key: &dsmwire.SobjectDescriptor{KID: k.KID}, HashAlg: hash, Data: []byte(message), Mode: mode,
	})
	if err != nil {
		return "", err
	}
	if err := openssl.Verify(ctx, public, scheme, []byte(message), signed.Signature); err != nil {
		return "", err
	}
	if openssl.Verify(ctx, public, scheme, []byte(message+"!"), signed.Signature) == nil {
		return "", errors.New("openssl verifies the signature of something else")
	}
	return fmt.Sprintf("%q signed; openssl verifies it, and refuses it for another text", k.Name), nil
}

func (t *Tour) encryptGCM(ctx context.Context, _ Progress) (string, error) {
	k, err := t.virtualKey(estate.MailArchive)
	if err != nil {
		return "", err
	}
	key := &dsmwire.SobjectDescriptor{KID: k.KID}
	mode := &dsmwire.Mode{Name: "GCM"}
	ad := []byte("Kasse")
	sealed, err := t.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: key, Alg: "AES", Mode: mode, Plain: []byte(message), AD: ad})
	if err != nil {
		return "", err
	}
	request := dsmwire.DecryptRequest{Key: key, Alg: "AES", Mode: mode, Cipher: sealed.Cipher, IV: sealed.IV, Tag: sealed.Tag, AD: ad}
	opened, err := t.app.Decrypt(ctx, request)
	if err != nil {
		return "", err
	}
	if string(opened.Plain) != message || bytes.Contains(sealed.Cipher, []byte(message)) {
		return "", errors.New("what was decrypted is not what was encrypted")
	}
	request.AD = []byte("Hose")
	if _, err := t.app.Decrypt(ctx, request); !errors.Is(err, fault.Invalid) {
		return "", fmt.Errorf("a ciphertext with changed associated data is not refused as such: %w", err)
	}
	return fmt.Sprintf("%q encrypted and decrypted in the HSM;\nwith changed associated data it refuses to", k.Name), nil
}
