package seal_test

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/adapters/seal"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

func encoded(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), seal.KeySize)))
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv(seal.EnvironmentVariable, encoded(2)+", "+encoded(1)+"\n")
	r, err := seal.FromEnvironment()
	if err != nil {
		t.Fatalf("FromEnvironment: %v", err)
	}
	if got, want := r.IDs(), ring(t, key(2), key(1)).IDs(); !slices.Equal(got, want) {
		t.Errorf("got keys %v, want %v", got, want)
	}
	if _, found := os.LookupEnv(seal.EnvironmentVariable); found {
		t.Error("the variable is still in the environment")
	}
}

func TestFromEnvironmentRefusals(t *testing.T) {
	for name, value := range map[string]string{
		"empty":          "",
		"blank":          "  ",
		"not base64":     "not base64 but a marker",
		"too short":      "AAAA",
		"trailing comma": encoded(1) + ",",
		"same twice":     encoded(1) + "," + encoded(1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(seal.EnvironmentVariable, value)
			_, err := seal.FromEnvironment()
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("got error %v, want kind Invalid", err)
			}
			if strings.TrimSpace(value) != "" && strings.Contains(err.Error(), strings.TrimSpace(value)) {
				t.Errorf("the error shows the value: %v", err)
			}
			if _, found := os.LookupEnv(seal.EnvironmentVariable); found {
				t.Error("the variable is still in the environment")
			}
		})
	}
}

// The master key that the reference implementation of Argon2 makes for the
// passphrase and derivation below:
// printf 'correct horse battery staple' | argon2 0123456789abcdef -id -t 3 -m 16 -p 4 -l 32 -r
const derived = "efb51f9a76584f6dd6a4f7942a1a2f6ae5a6e4ec5142ff674dfd5d27eb45e446"

const derivation = seal.Derivation("$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg")

func passphrases(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("WriteFile: %v", err)
	}
	return path
}

func TestFromPassphrase(t *testing.T) {
	one, err := seal.FromPassphrase(passphrases(t, "correct horse battery staple\n"), derivation)
	if err != nil {
		t.Fatalf("FromPassphrase: %v", err)
	}
	raw, err := hex.DecodeString(derived)
	if err != nil {
		t.Fatalf("reading the derived key: %v", err)
	}
	if got, want := one.IDs(), ring(t, secret.New(raw)).IDs(); !slices.Equal(got, want) {
		t.Errorf("got keys %v, want %v", got, want)
	}

	two, err := seal.FromPassphrase(passphrases(t, "an entirely new passphrase\r\n\ncorrect horse battery staple"), derivation)
	if err != nil {
		t.Fatalf("FromPassphrase: %v", err)
	}
	if got, want := two.IDs()[1:], one.IDs(); !slices.Equal(got, want) {
		t.Errorf("the second passphrase gave %v, want %v", got, want)
	}
	wantPIN(t, two, sealPIN(t, one))

	salted, err := seal.FromPassphrase(passphrases(t, "correct horse battery staple\n"), seal.NewDerivation())
	if err != nil {
		t.Fatalf("FromPassphrase with a new derivation: %v", err)
	}
	if slices.Equal(salted.IDs(), one.IDs()) {
		t.Error("another salt gave the same master key")
	}
}

func TestFromPassphraseRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		d    seal.Derivation
		mode os.FileMode
		kind fault.Kind
	}{
		"empty file":        {"\n\n", derivation, 0o600, fault.Invalid},
		"short passphrase":  {"fifteen letters\n", derivation, 0o600, fault.Invalid},
		"readable by group": {"correct horse battery staple", derivation, 0o640, fault.Invalid},
		"no derivation":     {"correct horse battery staple", "", 0o600, fault.Internal},
		"costs too low":     {"correct horse battery staple", "$argon2id$v=19$m=64,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg", 0o600, fault.Internal},
		"costs too high":    {"correct horse battery staple", "$argon2id$v=19$m=4000000000,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg", 0o600, fault.Internal},
		"trailing text":     {"correct horse battery staple", derivation + " x", 0o600, fault.Internal},
		"short salt":        {"correct horse battery staple", "$argon2id$v=19$m=65536,t=3,p=4$MDEy", 0o600, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			path := passphrases(t, c.text)
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatalf("Chmod: %v", err)
			}
			if _, err := seal.FromPassphrase(path, c.d); fault.KindOf(err) != c.kind {
				t.Errorf("got error %v, want kind %v", err, c.kind)
			}
		})
	}
}
