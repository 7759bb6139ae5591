package opensc_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/simulators/lab/opensc"
	"gatehouse/simulators/softtoken"
)

func TestList(t *testing.T) {
	for _, c := range []struct {
		name, prints string
		want         []opensc.Object
		fails        bool
	}{
		{name: "nothing"},
		{
			name: "objects of each class",
			prints: `echo 'Public Key Object; EC_EDWARDS  EC_POINT 255 bits
  EC_POINT:   0420aabb
  EC_PARAMS:  06032b6570
  label:      ssh-host 1
  ID:         0e3000
  Usage:      verify
  Access:     none
Secret Key Object; Generic secret length 32
  label:      
  Usage:      verify
  Access:     sensitive
Secret Key Object; unknown key algorithm 19
  label:      Lochkarte: DES   
  ID:         1600
Certificate Object; type = X.509 cert
  label:      AES
  subject:    DN: CN=x
  serial:     01
Data object 9
  label:          '"'Notiz'"'
  application:    '"'app'"'
  flags:           modifiable'`,
			want: []opensc.Object{
				{Class: hsm.PublicKey, Type: keys.EC, ID: "0e3000", Label: "ssh-host 1", Point: "0420aabb"},
				{Class: hsm.SecretKey, Type: keys.HMAC},
				{Class: hsm.SecretKey, ID: "1600", Label: "Lochkarte: DES"},
				{Class: hsm.Certificate, Label: "AES"},
				{Class: hsm.Data, Label: "Notiz"},
			},
		},
		{name: "a line that is not known", prints: "echo 'Out of cheese'", fails: true},
		{name: "an id that is not hex", prints: "echo 'Secret Key Object; AES length 32\n  ID:         xy'", fails: true},
		{name: "exit status", prints: "exit 1", fails: true},
		{name: "a complaint only", prints: "echo 'error: PKCS11 function C_FindObjects failed' >&2", fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := imitation(t, c.prints).List(t.Context())
			if (err != nil) != c.fails {
				t.Fatalf("error: got %v, want one: %t", err, c.fails)
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("objects (-got +want):\n%s", diff)
			}
		})
	}
}

func TestPINIsNoArgument(t *testing.T) {
	out, err := imitation(t, `echo "$*"`).Run(t.Context(), "--list-objects")
	if err != nil {
		t.Fatal(err)
	}
	if want := "--module lib.so --token-label T --login --pin env:GATEHOUSE_LAB_PIN --list-objects\n"; out != want {
		t.Errorf("arguments: got %q, want %q", out, want)
	}
	if out, err = imitation(t, `echo "$GATEHOUSE_LAB_PIN"`).Run(t.Context(), "-I"); err != nil || out != "1234\n" {
		t.Errorf("PIN in the environment: got %q, %v", out, err)
	}
}

func TestKeys(t *testing.T) {
	private := func(id, label string) opensc.Object {
		return opensc.Object{Class: hsm.PrivateKey, Type: keys.EC, ID: id, Label: label}
	}
	public := func(id, label, point string) opensc.Object {
		return opensc.Object{Class: hsm.PublicKey, Type: keys.EC, ID: id, Label: label, Point: point}
	}
	whole := func(id, label, point string) opensc.Object {
		o := private(id, label)
		o.Point = point
		return o
	}
	for _, c := range []struct {
		name     string
		in, want []opensc.Object
	}{
		{
			"halves of equal id and label are one",
			[]opensc.Object{public("01", "a", "04aa"), private("01", "a")},
			[]opensc.Object{whole("01", "a", "04aa")},
		},
		{
			"two pairs of one id are told apart by their labels",
			[]opensc.Object{private("01", "a"), private("01", "b"), public("01", "b", "04bb"), public("01", "a", "04aa")},
			[]opensc.Object{whole("01", "a", "04aa"), whole("01", "b", "04bb")},
		},
		{
			"halves of one id belong together though a label was changed",
			[]opensc.Object{public("01", "old", "04aa"), private("01", "new")},
			[]opensc.Object{whole("01", "new", "04aa")},
		},
		{
			"halves without id need the same label",
			[]opensc.Object{public("", "a", "04aa"), private("", "b")},
			[]opensc.Object{private("", "b"), public("", "a", "04aa")},
		},
		{
			"what is no key is left out",
			[]opensc.Object{{Class: hsm.Certificate, ID: "01"}, {Class: hsm.Data}, {Class: hsm.SecretKey, ID: "02"}},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(opensc.Keys(c.in), c.want); diff != "" {
				t.Errorf("keys (-got +want):\n%s", diff)
			}
		})
	}
}

// imitation is a Tool over a shell script in pkcs11-tool's place.
func imitation(t *testing.T, script string) *opensc.Tool {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pkcs11-tool"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	tool, err := opensc.New(softtoken.Token{Lib: "lib.so", Label: "T", PIN: "1234"})
	if err != nil {
		t.Fatal(err)
	}
	return tool
}
