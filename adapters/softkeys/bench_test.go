package softkeys_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"testing"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// BenchmarkEncryptGCM is AES-256-GCM of 1 KiB, from asking policy to the result,
// beside the library alone.
func BenchmarkEncryptGCM(b *testing.B) {
	d := newDesk(b)
	k := d.generate(b, keys.Spec{Type: keys.AES, Size: 256})
	op := operations.Encrypt{Mode: operations.GCM, Plain: make([]byte, 1024)}
	d.must(b, k, op)
	b.Run("library alone", func(b *testing.B) {
		b.SetBytes(1024)
		b.ReportAllocs()
		block, err := aes.NewCipher(make([]byte, 32))
		if err != nil {
			b.Fatal(err)
		}
		g, err := cipher.NewGCM(block)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			out := make([]byte, 12, 12+1024+16)
			_, _ = rand.Read(out)
			g.Seal(out, out, op.Plain, nil)
		}
	})
	b.Run("warm", func(b *testing.B) {
		b.SetBytes(1024)
		b.ReportAllocs()
		for b.Loop() {
			d.must(b, k, op)
		}
	})
	b.Run("warm, all cores", func(b *testing.B) {
		b.SetBytes(1024)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				d.must(b, k, op)
			}
		})
	})
	b.Run("cold", func(b *testing.B) {
		b.SetBytes(1024)
		for b.Loop() {
			if err := d.b.Destroy(b.Context(), ordinary, k); err != nil {
				b.Fatal(err)
			}
			d.must(b, k, op)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	d := newDesk(b)
	for name, c := range map[string]struct {
		spec keys.Spec
		op   operations.Sign
	}{
		"EC NistP256": {keys.Spec{Type: keys.EC, Curve: keys.P256}, operations.Sign{Hash: operations.SHA256, Input: []byte("data")}},
		"RSA 2048":    {keys.Spec{Type: keys.RSA, Size: 2048}, operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Input: []byte("data")}},
	} {
		k := d.generate(b, c.spec)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d.must(b, k, c.op)
			}
		})
	}
}
