package pkcs11_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/softtoken"
)

// What C_WrapKey wraps OpenSSL opens, and what OpenSSL wraps C_UnwrapKey opens.
func TestOpenSSLAgreesOnKeyWrap(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	softtoken.Need(t, err)
	dir := t.TempDir()
	run := func(in []byte, args ...string) []byte {
		t.Helper()
		from := filepath.Join(dir, "in")
		if err := os.WriteFile(from, in, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), openssl, append(args, "-in", from)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v", args[:2], err)
		}
		return out
	}
	for name, st := range map[string]softtoken.Token{"SoftHSM2": softHSM(t), "NSS": nss(t)} {
		t.Run(name, func(t *testing.T) {
			m := load(t, st, pkcs11.Options{})
			tok, err := m.Open(t.Context(), st.Slot, secret.FromString(st.PIN))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tok.Close() }()
			kek, value := bytes.Repeat([]byte{0x42}, 32), []byte("a key of twenty-four by.")
			put := func(id byte, v []byte, typ keys.Type, ops keys.Ops, extractable bool) hsm.Ref {
				t.Helper()
				o, err := tok.Import(t.Context(), hsm.Template{
					ID: []byte{id}, Label: []byte{'k', id}, Type: typ, Size: 8 * len(v), Ops: ops, Extractable: extractable,
				}, secret.New(bytes.Clone(v)))
				if err != nil {
					t.Fatal(err)
				}
				return o.Ref()
			}
			with := put('w', kek, keys.AES, keys.OpWrap|keys.OpUnwrap, false)
			subject := put('s', value, keys.AES, keys.OpEncrypt|keys.OpDecrypt, true)
			for i, c := range []struct {
				mode       operations.Mode
				cipher, iv string
			}{{operations.KW, "-id-aes256-wrap", "A6A6A6A6A6A6A6A6"}, {operations.KWP, "-id-aes256-wrap-pad", "A65959A6"}} {
				key := []string{"-K", hex.EncodeToString(kek), "-iv", c.iv}
				res, err := tok.Wrap(t.Context(), with, subject, operations.Wrap{Mode: c.mode})
				if err != nil {
					t.Fatalf("%s: %v", c.mode, err)
				}
				if got := run(value, append([]string{"enc", c.cipher, "-e"}, key...)...); !bytes.Equal(got, res.Output) {
					t.Errorf("%s: the token wraps to %x, OpenSSL to %x", c.mode, res.Output, got)
				}
				wrapped := run(value, append([]string{"enc", c.cipher, "-e"}, key...)...)
				o, err := tok.Unwrap(t.Context(), with, hsm.Template{
					ID: []byte{'u', byte(i)}, Label: []byte{'u', byte(i)}, Type: keys.AES, Size: 192, Ops: keys.OpEncrypt,
				}, operations.Unwrap{Mode: c.mode, Wrapped: wrapped})
				if err != nil {
					t.Fatalf("%s: %v", c.mode, err)
				}
				iv, plain := make([]byte, 16), []byte("sixteen bytes...")
				e, err := tok.Operate(t.Context(), o.Ref(), operations.Encrypt{Mode: operations.CBCNoPad, Plain: plain, IV: iv})
				if err != nil {
					t.Fatal(err)
				}
				want := run(plain, "enc", "-aes-192-cbc", "-e", "-nopad", "-K", hex.EncodeToString(value), "-iv", hex.EncodeToString(iv))
				if !bytes.Equal(e.Output, want) {
					t.Errorf("%s: the key that was unwrapped encrypts to %x, OpenSSL to %x", c.mode, e.Output, want)
				}
			}
		})
	}
}
