package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"gatehouse/adapters/seal"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	port "gatehouse/ports/seal"
	"gatehouse/ports/seal/sealtest"
)

func key(b byte) secret.Value { return secret.New(bytes.Repeat([]byte{b}, seal.KeySize)) }

func ring(t *testing.T, keys ...secret.Value) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatalf("NewRing: %v", err)
	}
	return r
}

func TestRing(t *testing.T) {
	made := byte(10)
	sealtest.Run(t, sealtest.Harness{
		New: func(t *testing.T) port.Sealer {
			t.Helper()
			made++
			return ring(t, key(made))
		},
		Rotation: func(t *testing.T) (before, during, after port.Sealer) {
			t.Helper()
			return ring(t, key(1)), ring(t, key(2), key(1)), ring(t, key(2))
		},
	})
}

func TestParcels(t *testing.T) {
	made := byte(100)
	sealtest.Run(t, sealtest.Harness{
		New: func(t *testing.T) port.Sealer {
			t.Helper()
			made++
			return seal.NewParcels(ring(t, key(made)))
		},
		Rotation: func(t *testing.T) (before, during, after port.Sealer) {
			t.Helper()
			return seal.NewParcels(ring(t, key(1))), seal.NewParcels(ring(t, key(2), key(1))), seal.NewParcels(ring(t, key(2)))
		},
	})
	t.Run("a parcel is nothing that is stored, nor the other way round", func(t *testing.T) {
		r := ring(t, key(1))
		p := seal.NewParcels(r)
		parcel, err := p.Pack("owner", []byte("contents"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Unpack("owner", secret.New(parcel)); err != nil || string(got) != "contents" {
			t.Errorf("got %q and error %v, want the contents", got, err)
		}
		if _, err := r.Open(port.Parcel, "owner", parcel); !errors.Is(err, port.Damaged) {
			t.Errorf("got error %v, want it not to open as something stored", err)
		}
		stored, err := r.Seal(port.Parcel, "owner", secret.FromString("contents"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Unpack("owner", secret.New(stored)); !errors.Is(err, port.Damaged) {
			t.Errorf("got error %v, want it not to open as a parcel", err)
		}
	})
}

func TestRingRefusesBadKeys(t *testing.T) {
	for name, keys := range map[string][]secret.Value{
		"none":       nil,
		"too short":  {secret.New(make([]byte, 31))},
		"too long":   {secret.New(make([]byte, 33))},
		"empty":      {key(1), {}},
		"same twice": {key(1), key(2), key(1)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := seal.NewRing(keys...); fault.KindOf(err) != fault.Invalid {
				t.Errorf("got error %v, want kind Invalid", err)
			}
		})
	}
}

// TestFormat opens a sealed secret with nothing but the documented format, so
// that what is in stores today can be read for ever.
func TestFormat(t *testing.T) {
	raw := bytes.Repeat([]byte{7}, seal.KeySize)
	r := ring(t, secret.New(bytes.Clone(raw)))
	sealed, err := r.Seal(port.ConnectionPIN, "owner", secret.FromString("1234"))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	id, err := hkdf.Key(sha256.New, raw, nil, "gatehouse master key id 1", 8)
	if err != nil {
		t.Fatalf("deriving the id: %v", err)
	}
	sealing, err := hkdf.Key(sha256.New, raw, nil, "gatehouse seal 1", 32)
	if err != nil {
		t.Fatalf("deriving the sealing key: %v", err)
	}
	if sealed[0] != 1 || !bytes.Equal(sealed[1:9], id) {
		t.Errorf("header is % x, want 01 % x", []byte(sealed[:9]), id)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		t.Fatalf("NewCipher: %v", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatalf("NewGCM: %v", err)
	}
	ad := append([]byte{1}, id...)
	ad = append(ad, "\x00\x00\x00\x0econnection PIN\x00\x00\x00\x05owner"...)
	plain, err := gcm.Open(nil, sealed[9:21], sealed[21:], ad)
	if err != nil || string(plain) != "1234" {
		t.Errorf("opened %q, error %v; want 1234", plain, err)
	}
}

// kept is a secret that the first version sealed under key(7) as the material of keptOwner.
const (
	kept = "012e7bc79f626856501c7cff13d53f5e9825fe591ae3973171b727de34458e0f77" +
		"b01887de6ac5ffc1aaebc73cfbfe3d824832b0d2100f3bd5ad1aaf083e137d3c"
	keptOwner = "5b1e3f6a-0d5f-4f8e-9a57-2f6a1c9d0e11"
)

func TestKeptFormat(t *testing.T) {
	sealed, err := hex.DecodeString(kept)
	if err != nil {
		t.Fatalf("reading the kept secret: %v", err)
	}
	v, err := ring(t, key(7)).Open(port.KeyMaterial, keptOwner, sealed)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if got := string(v.Reveal(reveal.Permit{})); got != "kept since the first version" {
		t.Errorf("opened %q", got)
	}
}

func FuzzOpen(f *testing.F) {
	good, err := hex.DecodeString(kept)
	if err != nil {
		f.Fatalf("reading the kept secret: %v", err)
	}
	r, err := seal.NewRing(key(7))
	if err != nil {
		f.Fatalf("NewRing: %v", err)
	}
	f.Add(good)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := r.Open(port.KeyMaterial, keptOwner, b)
		if err == nil && !bytes.Equal(b, good) {
			t.Fatal("a forged secret opened")
		}
		if err != nil && !errors.Is(err, port.Damaged) && !errors.Is(err, port.UnknownMaster) {
			t.Fatalf("got error %v, want a cause", err)
		}
	})
}
