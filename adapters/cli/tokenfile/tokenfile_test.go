package tokenfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/adapters/cli/tokenfile"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

func text(v secret.Value) string { return string(v.Reveal(reveal.Permit{})) }

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder", "token")
	f := tokenfile.File{
		UserToken: secret.FromString("the user's = token"), AppToken: secret.FromString("the app's"), CertPath: "/c.pem", KeyPath: "/k.pem",
		Endpoint: "https://keys.example.com:8443", Proxy: "http://proxy:3128", CACert: "/ca.pem",
	}
	for range 2 { // the second replaces the first
		if err := tokenfile.Write(path, f); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	got, err := tokenfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if text(got.UserToken) != "the user's = token" || text(got.AppToken) != "the app's" || got.CertPath != f.CertPath || got.KeyPath != f.KeyPath ||
		got.Endpoint != f.Endpoint || got.Proxy != f.Proxy || got.CACert != f.CACert {
		t.Errorf("got %+v, want what was written", got)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("got files %v, %v, want one", left, err)
	}
	if err := tokenfile.Write(path, tokenfile.File{Endpoint: "https://keys.example.com:8443"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v for the file without tokens, want none", err)
	}
}

func TestWhatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	if f, err := tokenfile.Read(path); err != nil || !f.Empty() {
		t.Errorf("got %v, %v for no file, want nobody logged in", f, err)
	}
	if err := os.WriteFile(path, []byte("user-token=marker\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		f, err := tokenfile.Read(path)
		if !errors.Is(err, fault.Denied) || !f.Empty() || strings.Contains(err.Error(), "marker") {
			t.Errorf("mode %o: got %v, %v, want a refusal", mode, f, err)
		}
	}
}

// The vendor's tool writes None for what is not set, and quotes.
func TestAFileOfTheVendorsToolIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("# c\nuser-token=\napp-token=\"abc\"\ncert-path=None\nend-point=https://h\nproxy=None\nother=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := tokenfile.Read(path)
	if err != nil || text(f.AppToken) != "abc" || !f.UserToken.Empty() || f.CertPath != "" || f.Proxy != "" || f.Endpoint != "https://h" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestALineCannotBeSmuggledIn(t *testing.T) {
	t.Parallel()
	err := tokenfile.Write(filepath.Join(t.TempDir(), "token"), tokenfile.File{AppToken: secret.FromString("a"), Proxy: "x\nend-point=https://evil"})
	if !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want a refusal", err)
	}
}
