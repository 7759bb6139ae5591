package pkcs11_test

import (
	"bytes"
	"context"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// BenchmarkRecheck tells what it costs not to trust handles.
func BenchmarkRecheck(b *testing.B) {
	for _, c := range []struct {
		name string
		tpl  hsm.Template
		op   operations.Operation
	}{
		{
			"P-256 sign",
			hsm.Template{Type: keys.EC, Curve: keys.P256, Size: 256, Ops: keys.OpSign | keys.OpVerify},
			operations.Sign{Hash: operations.SHA256, Prehashed: true, Input: bytes.Repeat([]byte{7}, 32)},
		},
		{
			"RSA-2048 sign",
			hsm.Template{Type: keys.RSA, Size: 2048, Ops: keys.OpSign | keys.OpVerify},
			operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Input: []byte("data")},
		},
		{
			"AES-GCM 1 KiB",
			hsm.Template{Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt},
			operations.Encrypt{Mode: operations.GCM, Plain: bytes.Repeat([]byte("1 KiB..."), 128)},
		},
	} {
		for _, l := range []struct {
			name  string
			level pkcs11.Recheck
		}{{"never", pkcs11.RecheckNever}, {"handle", pkcs11.RecheckHandle}, {"result", pkcs11.RecheckResult}} {
			b.Run(c.name+"/"+l.name, func(b *testing.B) {
				st := softHSM(b)
				tok, err := load(b, st, pkcs11.Options{Recheck: l.level}).Open(b.Context(), st.Slot, secret.FromString(st.PIN))
				if err != nil {
					b.Fatal(err)
				}
				c.tpl.ID, c.tpl.Label = []byte(c.name), []byte(c.name)
				o, err := tok.Generate(b.Context(), c.tpl)
				if err != nil {
					b.Fatal(err)
				}
				ref := o.Ref()
				defer cpu(b)()
				for b.Loop() {
					if _, err := tok.Operate(context.Background(), ref, c.op); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
