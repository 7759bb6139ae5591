// Package openssl drives the program openssl, so that what is said of a
// signature or ciphertext is said by somebody else's cryptography.
//
// The lab and the features use it. Its functions may be called at once; files
// that they need on the way are gone when they return.
package openssl

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gatehouse/simulators/softtoken"
)

// Run runs openssl and returns what it printed. Its error wraps
// softtoken.ErrMissing when openssl is not installed.
func Run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		return nil, fmt.Errorf("openssl: %w", softtoken.ErrMissing)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("running openssl %s: %w: %s%s", args[0], err, out, strings.TrimSpace(complaints.String()))
	}
	return out, nil
}

// Scheme is a signature scheme, as the arguments of openssl dgst; no arguments
// mean that the algorithm takes the data as it is.
type Scheme []string

// Digest is RSASSA-PKCS1-v1_5 or ECDSA, according to the key.
func Digest(hash string) Scheme { return Scheme{"-" + hash} }

// PSS is RSASSA-PSS with a salt as long as the digest.
func PSS(hash string) Scheme {
	return Scheme{"-" + hash, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"}
}

// Verify fails unless signature is public's over data. Public is DER
// SubjectPublicKeyInfo; Ed25519 needs the empty scheme.
func Verify(ctx context.Context, public []byte, scheme Scheme, data, signature []byte) error {
	return inFiles(map[string][]byte{"public": public, "data": data, "signature": signature}, func(f map[string]string) error {
		args := []string{"pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", f["public"], "-in", f["data"], "-sigfile", f["signature"]}
		if len(scheme) > 0 {
			args = append([]string{"dgst", "-verify", f["public"], "-keyform", "DER", "-signature", f["signature"]}, scheme...)
			args = append(args, f["data"])
		}
		_, err := Run(ctx, nil, args...)
		return err
	})
}

// DecryptCBC decrypts AES-CBC with PKCS#7 padding. The key goes by argument: it
// is for keys that are made up on the spot.
func DecryptCBC(ctx context.Context, key, iv, ciphertext []byte) ([]byte, error) {
	return Run(ctx, ciphertext, "enc", "-d", fmt.Sprintf("-aes-%d-cbc", 8*len(key)), "-K", hex.EncodeToString(key), "-iv", hex.EncodeToString(iv))
}

// Unwrap unwraps what AES Key Wrap (RFC 3394) has wrapped. The key goes by
// argument, as in DecryptCBC.
func Unwrap(ctx context.Context, key, wrapped []byte) ([]byte, error) {
	return Run(ctx, wrapped, "enc", "-d", fmt.Sprintf("-id-aes%d-wrap", 8*len(key)), "-K", hex.EncodeToString(key), "-iv", "A6A6A6A6A6A6A6A6")
}

// UnwrapPadded unwraps what AES Key Wrap with Padding (RFC 5649) has wrapped.
func UnwrapPadded(ctx context.Context, key, wrapped []byte) ([]byte, error) {
	return Run(ctx, wrapped, "enc", "-d", fmt.Sprintf("-id-aes%d-wrap-pad", 8*len(key)), "-K", hex.EncodeToString(key), "-iv", "A65959A6")
}

// DecryptOAEP decrypts RSAES-OAEP with one hash for digest and mask. Private is
// DER PKCS#8.
func DecryptOAEP(ctx context.Context, private []byte, hash string, ciphertext []byte) (plain []byte, err error) {
	err = inFiles(map[string][]byte{"private": private}, func(f map[string]string) error {
		plain, err = Run(ctx, ciphertext, "pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", f["private"],
			"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:"+hash, "-pkeyopt", "rsa_mgf1_md:"+hash)
		return err
	})
	return plain, err
}

// NewRSA makes a private key of 2048 bits and returns it as DER PKCS#8.
func NewRSA(ctx context.Context) ([]byte, error) {
	out, err := Run(ctx, nil, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(out) // as DER, openssl 3.0 would write PKCS#1
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("openssl genpkey did not write a PKCS#8 key")
	}
	return block.Bytes, nil
}

// inFiles calls use with the names of files that hold contents.
func inFiles(contents map[string][]byte, use func(names map[string]string) error) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-openssl-*")
	if err != nil {
		return fmt.Errorf("making a folder for openssl: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	names := make(map[string]string, len(contents))
	for name, content := range contents {
		names[name] = filepath.Join(dir, name)
		if err := os.WriteFile(names[name], content, 0o600); err != nil {
			return fmt.Errorf("writing a file for openssl: %w", err)
		}
	}
	return use(names)
}
