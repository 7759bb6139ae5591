package pkcs11_test

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/softtoken"
)

// benchToken opens a SoftHSM2 token.
func benchToken(b *testing.B) (softtoken.Token, *pkcs11.Token) {
	b.Helper()
	st := softHSM(b)
	tok, err := load(b, st, pkcs11.Options{}).Open(b.Context(), st.Slot, secret.FromString(st.PIN))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tok.Close() })
	return st, tok
}

// BenchmarkOperate compares operations through the port with the same through
// the bare binding: a session, a known handle, Init and the operation.
func BenchmarkOperate(b *testing.B) {
	st, tok := benchToken(b)
	data, kib := []byte("what is to be signed"), bytes.Repeat([]byte("1 KiB..."), 128)
	digest := bytes.Repeat([]byte{7}, 32)
	for _, c := range []struct {
		name string
		tpl  hsm.Template
		op   operations.Operation
		raw  func(c *raw.Ctx, s raw.SessionHandle, h raw.ObjectHandle) error
	}{
		{
			"P-256 sign",
			hsm.Template{Type: keys.EC, Curve: keys.P256, Size: 256, Ops: keys.OpSign | keys.OpVerify},
			operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: digest},
			rawSign(raw.CKM_ECDSA, digest),
		},
		{
			"RSA-2048 sign",
			hsm.Template{Type: keys.RSA, Size: 2048, Ops: keys.OpSign | keys.OpVerify},
			operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Input: data},
			rawSign(raw.CKM_SHA256_RSA_PKCS, data),
		},
		{
			"HMAC-SHA256",
			hsm.Template{Type: keys.HMAC, Size: 256, Ops: keys.OpMAC | keys.OpMACVerify},
			operations.MAC{Hash: operations.SHA256, Data: data},
			rawSign(raw.CKM_SHA256_HMAC, data),
		},
		{
			"AES-GCM 1 KiB",
			hsm.Template{Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt},
			operations.Encrypt{Mode: operations.GCM, Plain: kib},
			rawGCM(kib),
		},
	} {
		c.tpl.ID, c.tpl.Label = []byte(c.name), []byte(c.name)
		o, err := tok.Generate(b.Context(), c.tpl)
		if err != nil {
			b.Fatal(err)
		}
		ref := o.Ref()
		b.Run(c.name+"/port", func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.ReportAllocs()
			defer cpu(b)()
			for b.Loop() {
				if _, err := tok.Operate(ctx, ref, c.op); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/port without a context", func(b *testing.B) {
			b.ReportAllocs()
			defer cpu(b)()
			for b.Loop() {
				if _, err := tok.Operate(context.Background(), ref, c.op); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/raw", func(b *testing.B) {
			inSession(b, st, func(ctx *raw.Ctx, s raw.SessionHandle) {
				h := rawFind(b, ctx, s, classNumbers[o.Class], c.tpl.ID)
				b.ReportAllocs()
				defer cpu(b)()
				for b.Loop() {
					if err := c.raw(ctx, s, h); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		for name, ctx := range map[string]context.Context{"port, 16 callers": b.Context(), "port, 16 callers without a context": context.Background()} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.SetParallelism(8)
				defer cpu(b)()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := tok.Operate(ctx, ref, c.op); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}

// cpu reports the processor time of what follows until it is called, in all
// threads, which says more than the clock on a machine that others use too.
func cpu(b *testing.B) func() {
	b.Helper()
	spent := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := spent()
	return func() { b.ReportMetric(float64(spent()-before)/float64(b.N), "cpu-ns/op") }
}

func rawSign(mechanism uint, data []byte) func(*raw.Ctx, raw.SessionHandle, raw.ObjectHandle) error {
	return func(c *raw.Ctx, s raw.SessionHandle, h raw.ObjectHandle) error {
		if err := c.SignInit(s, []*raw.Mechanism{raw.NewMechanism(mechanism, nil)}, h); err != nil {
			return err
		}
		_, err := c.Sign(s, data)
		return err
	}
}

func rawGCM(data []byte) func(*raw.Ctx, raw.SessionHandle, raw.ObjectHandle) error {
	return func(c *raw.Ctx, s raw.SessionHandle, h raw.ObjectHandle) error {
		p := raw.NewGCMParams(make([]byte, 12), nil, 128)
		defer p.Free()
		if err := c.EncryptInit(s, []*raw.Mechanism{raw.NewMechanism(raw.CKM_AES_GCM, p)}, h); err != nil {
			return err
		}
		_, err := c.Encrypt(s, data)
		return err
	}
}

func rawFind(b *testing.B, c *raw.Ctx, s raw.SessionHandle, class uint, id []byte) raw.ObjectHandle {
	b.Helper()
	if err := c.FindObjectsInit(s, []*raw.Attribute{raw.NewAttribute(raw.CKA_CLASS, class), raw.NewAttribute(raw.CKA_ID, id)}); err != nil {
		b.Fatal(err)
	}
	found, _, err := c.FindObjects(s, 2)
	if err != nil || len(found) != 1 {
		b.Fatalf("got %d objects and %v, want one", len(found), err)
	}
	if err := c.FindObjectsFinal(s); err != nil {
		b.Fatal(err)
	}
	return found[0]
}

// BenchmarkInventory compares the inventory with a search and one read for each
// object through the bare binding.
func BenchmarkInventory(b *testing.B) {
	st, tok := benchToken(b)
	n := 0
	for _, size := range []int{1_000, 10_000} {
		inSession(b, st, func(c *raw.Ctx, s raw.SessionHandle) {
			for ; n < size; n++ {
				rawCreate(b, c, s, n)
			}
		})
		b.Run(fmt.Sprintf("%d/port", size), func(b *testing.B) {
			for b.Loop() {
				got := 0
				if err := tok.Inventory(b.Context(), hsm.Filter{}, func(hsm.Object) error { got++; return nil }); err != nil || got != size {
					b.Fatalf("got %d objects and %v, want %d", got, err, size)
				}
			}
		})
		b.Run(fmt.Sprintf("%d/raw", size), func(b *testing.B) {
			inSession(b, st, func(c *raw.Ctx, s raw.SessionHandle) {
				for b.Loop() {
					if got := rawInventory(b, c, s); got != size {
						b.Fatalf("got %d objects, want %d", got, size)
					}
				}
			})
		})
	}
}

// rawInventory reads of every object what a secret key has.
func rawInventory(b *testing.B, c *raw.Ctx, s raw.SessionHandle) (n int) {
	b.Helper()
	var template []*raw.Attribute
	for _, typ := range []uint{
		raw.CKA_CLASS, raw.CKA_KEY_TYPE, raw.CKA_ID, raw.CKA_LABEL, raw.CKA_EXTRACTABLE, raw.CKA_ENCRYPT, raw.CKA_DECRYPT,
		raw.CKA_SIGN, raw.CKA_VERIFY, raw.CKA_WRAP, raw.CKA_UNWRAP, raw.CKA_DERIVE, raw.CKA_VALUE_LEN, raw.CKA_CHECK_VALUE,
	} {
		template = append(template, raw.NewAttribute(typ, nil))
	}
	if err := c.FindObjectsInit(s, nil); err != nil {
		b.Fatal(err)
	}
	var all []raw.ObjectHandle
	for {
		found, _, err := c.FindObjects(s, 1000)
		if err != nil {
			b.Fatal(err)
		}
		if len(found) == 0 {
			break
		}
		all = append(all, found...)
	}
	if err := c.FindObjectsFinal(s); err != nil {
		b.Fatal(err)
	}
	for _, h := range all {
		if _, err := c.GetAttributeValue(s, h, template); err != nil {
			b.Fatal(err)
		}
	}
	return len(all)
}

func rawCreate(b *testing.B, c *raw.Ctx, s raw.SessionHandle, n int) {
	b.Helper()
	_, err := c.CreateObject(s, []*raw.Attribute{
		raw.NewAttribute(raw.CKA_CLASS, raw.CKO_SECRET_KEY), raw.NewAttribute(raw.CKA_KEY_TYPE, raw.CKK_AES),
		raw.NewAttribute(raw.CKA_TOKEN, true), raw.NewAttribute(raw.CKA_PRIVATE, true), raw.NewAttribute(raw.CKA_SENSITIVE, true),
		raw.NewAttribute(raw.CKA_ID, fmt.Appendf(nil, "%08d", n)), raw.NewAttribute(raw.CKA_LABEL, fmt.Sprintf("key %d", n)),
		raw.NewAttribute(raw.CKA_VALUE, bytes.Repeat([]byte{byte(n)}, 32)),
	})
	if err != nil {
		b.Fatal(err)
	}
}
