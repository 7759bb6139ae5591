package servercert_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/adapters/servercert"
	"gatehouse/core/fault"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestTheFirstStartMakesACertificateAndLaterOnesKeepIt(t *testing.T) {
	t.Parallel()
	files := servercert.In(t.TempDir())
	first, err := files.LoadOrMake([]string{"kms.example.com", "192.0.2.7"}, now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(first.Leaf)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "kms.example.com", "192.0.2.7", host} {
		if _, err := first.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("for %s: %v", name, err)
		}
	}
	if key, ok := first.PrivateKey.(*ecdsa.PrivateKey); !ok || key.Curve.Params().Name != "P-256" {
		t.Errorf("got a key of type %T, want ECDSA on P-256", first.PrivateKey)
	}
	if info, err := os.Stat(files.Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key: got %v (%v), want 0600", info.Mode().Perm(), err)
	}
	again, err := files.LoadOrMake(nil, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Leaf.Raw, first.Leaf.Raw) {
		t.Error("a second start made another certificate")
	}
}

func TestAStartThatWasCutOffIsCompleted(t *testing.T) {
	t.Parallel()
	files := servercert.In(t.TempDir())
	first, err := files.LoadOrMake(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files.Cert); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.Cert+".part", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := files.LoadOrMake(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	before, ok := first.Leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || !before.Equal(again.Leaf.PublicKey) {
		t.Error("the key that was there is not the one in the new certificate")
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(files.Cert), "*.part")); err != nil || len(left) != 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

func TestFilesThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(servercert.Files) error{
		"certificate without key": func(f servercert.Files) error { return os.Remove(f.Key) },
		"key that others may read": func(f servercert.Files) error {
			return os.Chmod(f.Key, 0o640)
		},
		"damaged certificate": func(f servercert.Files) error { return os.WriteFile(f.Cert, []byte("x"), 0o600) },
		"damaged key":         func(f servercert.Files) error { return os.WriteFile(f.Key, []byte("x"), 0o600) },
		"damaged key without certificate": func(f servercert.Files) error {
			return errors.Join(os.Remove(f.Cert), os.WriteFile(f.Key, []byte("x"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := servercert.In(t.TempDir())
			if _, err := files.LoadOrMake(nil, now); err != nil {
				t.Fatal(err)
			}
			if err := spoil(files); err != nil {
				t.Fatal(err)
			}
			if _, err := files.LoadOrMake(nil, now); !errors.Is(err, fault.Invalid) {
				t.Errorf("got %v, want it refused", err)
			}
		})
	}
}

func TestAnExpiredCertificateIsRefused(t *testing.T) {
	t.Parallel()
	files := servercert.In(t.TempDir())
	if _, err := files.LoadOrMake(nil, now); err != nil {
		t.Fatal(err)
	}
	if _, err := files.LoadOrMake(nil, now.Add(servercert.Validity+time.Hour)); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want it refused", err)
	}
}
