package backendtest

import (
	"bytes"
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

func (s *suite) generates(t *testing.T) {
	specs := []keys.Spec{
		{Type: keys.AES, Size: 128},
		{Type: keys.AES, Size: 192},
		{Type: keys.AES, Size: 256},
		{Type: keys.DES3, Size: 112, Ops: keys.UseOps(keys.DES3, "")},
		{Type: keys.DES3, Size: 168, Ops: keys.UseOps(keys.DES3, "")},
		{Type: keys.HMAC, Size: 112},
		{Type: keys.HMAC, Size: 256},
		{Type: keys.RSA, Size: 2048},
	}
	for _, c := range keys.Curves() {
		specs = append(specs, keys.Spec{Type: keys.EC, Curve: c})
	}
	for _, typ := range []keys.Type{keys.MLDSA, keys.MLKEM} {
		for _, p := range keys.ParamSets(typ) {
			specs = append(specs, keys.Spec{Type: typ, ParamSet: p})
		}
	}
	for _, spec := range specs {
		t.Run(kindOf(spec), func(t *testing.T) {
			if k := s.generate(t, spec); k != nil {
				s.works(t, *k)
			}
		})
	}
}

// works sees that a key does something that it is for.
func (s *suite) works(t *testing.T, k keys.Key) {
	t.Helper()
	data := []byte("whole blocks....")
	switch {
	case k.Type == keys.AES || k.Type == keys.DES3:
		e := s.do(t, k, operations.Encrypt{Mode: operations.CBC, Plain: data})
		d := s.do(t, k, operations.Decrypt{Mode: operations.CBC, Cipher: e.Output, IV: e.IV})
		if !bytes.Equal(d.Output, data) {
			t.Errorf("decrypted %q, want %q", d.Output, data)
		}
	case k.Type == keys.HMAC:
		m := s.do(t, k, operations.MAC{Hash: operations.SHA256, Data: data})
		if v := s.do(t, k, operations.MACVerify{Hash: operations.SHA256, Data: data, MAC: m.Output}); !v.Valid {
			t.Error("a MAC of the key itself does not verify")
		}
	case k.Type == keys.MLDSA:
		s.verifiesItself(t, k, operations.Sign{Input: data})
	case k.Type == keys.MLKEM: // see encapsulates
	case k.Curve == keys.X25519:
		if _, err := x509.ParsePKIXPublicKey(k.PublicKey); err != nil {
			t.Errorf("reading the public key: %v", err)
		}
	case k.Type.Asymmetric():
		op := operations.Sign{Hash: operations.SHA256, Input: data}
		if k.Type == keys.RSA {
			op.Mode = operations.PKCS1v15
		}
		if k.Curve == keys.Ed25519 {
			op.Hash = operations.NoHash
		}
		if k.Curve == keys.Secp256k1 { // which package x509 does not read
			s.verifiesItself(t, k, op)
			return
		}
		wantSignature(t, k.PublicKey, op, s.do(t, k, op).Output)
	}
}

// verifiesItself sees that k verifies what it signed, and nothing else.
func (s *suite) verifiesItself(t *testing.T, k keys.Key, op operations.Sign) {
	t.Helper()
	v := operations.Verify{Hash: op.Hash, Mode: op.Mode, Input: op.Input, Signature: s.do(t, k, op).Output}
	if !s.do(t, k, v).Valid {
		t.Error("the key's own signature does not verify")
	}
	v.Input = []byte("something else")
	if s.do(t, k, v).Valid {
		t.Error("a signature of something else verifies")
	}
}

// generateRefused: an order that a backend cannot fulfil is refused whole, never half fulfilled.
func (s *suite) generateRefused(t *testing.T) {
	o := s.order(t, keys.Spec{Type: keys.RSA, Size: 2048, RSA: keys.RSAOptions{PublicExponent: 65539}}, 0)
	m, err := s.b.Generate(within(t), o)
	if err != nil {
		wantKind(t, err, fault.Unsupported)
		s.wantNothing(t, o)
		return
	}
	if got := rsaPublic(t, s.record(o, m)).E; got != 65539 {
		t.Errorf("public exponent is %d, want 65539", got)
	}
}

// material is something to import.
type material struct {
	name   string // the part of the case's name behind "import "
	spec   keys.Spec
	value  []byte
	public []byte // the SubjectPublicKeyInfo that the key must have
	size   int    // that it must have
	curve  keys.Curve
}

func (s *suite) materials(t *testing.T) []material {
	f := s.fixed
	ms := []material{
		{name: "AES", spec: keys.Spec{Type: keys.AES}, value: f.aes, size: 128},
		{name: "AES of a given size", spec: keys.Spec{Type: keys.AES, Size: 256}, value: append(bytes.Clone(f.aes), f.aes...), size: 256},
		{name: "DES3", spec: keys.Spec{Type: keys.DES3, Ops: keys.UseOps(keys.DES3, "")}, value: f.des3, size: 168},
		{name: "HMAC", spec: keys.Spec{Type: keys.HMAC}, value: f.hmac, size: 160},
		{name: "SECRET", spec: keys.Spec{Type: keys.Secret}, value: []byte("a secret"), size: 64},
		{name: "OPAQUE", spec: keys.Spec{Type: keys.Opaque}, value: []byte("any bytes\x00"), size: 80},
		{name: "CERTIFICATE", spec: keys.Spec{Type: keys.Certificate}, value: f.certificate, size: 2048},
		{name: "RSA as PKCS8", spec: keys.Spec{Type: keys.RSA}, value: pkcs8(t, f.rsa), public: spki(t, &f.rsa.PublicKey), size: 2048},
		{name: "RSA as PKCS1", spec: keys.Spec{Type: keys.RSA, Size: 2048}, value: x509.MarshalPKCS1PrivateKey(f.rsa), public: spki(t, &f.rsa.PublicKey), size: 2048},
		{name: "EC Ed25519", spec: keys.Spec{Type: keys.EC}, value: pkcs8(t, f.ed), public: spki(t, f.ed.Public()), size: 255, curve: keys.Ed25519},
		{name: "EC X25519", spec: keys.Spec{Type: keys.EC}, value: pkcs8(t, f.x), public: spki(t, f.x.PublicKey()), size: 255, curve: keys.X25519},
	}
	for _, c := range []keys.Curve{keys.P256, keys.P384, keys.P521} {
		k := f.ec[c]
		ms = append(ms,
			material{name: "EC " + string(c) + " as PKCS8", spec: keys.Spec{Type: keys.EC}, value: pkcs8(t, k), public: spki(t, &k.PublicKey), size: c.Bits(), curve: c},
			material{name: "EC " + string(c) + " as SEC1", spec: keys.Spec{Type: keys.EC, Curve: c}, value: sec1(t, k), public: spki(t, &k.PublicKey), size: c.Bits(), curve: c},
		)
	}
	return ms
}

func (s *suite) imports(t *testing.T) {
	for _, m := range s.materials(t) {
		t.Run(m.name, func(t *testing.T) {
			k := s.take(t, m.name, m.spec, m.value)
			if k == nil {
				return
			}
			if k.Size != m.size || k.Curve != m.curve {
				t.Errorf("key has size %d and curve %q, want %d and %q", k.Size, k.Curve, m.size, m.curve)
			}
			if diff := cmp.Diff(m.public, k.PublicKey); diff != "" {
				t.Errorf("public key (-want +got):\n%s", diff)
			}
			if k.PublicOnly {
				t.Error("the private half is missing")
			}
			s.works(t, *k)
		})
	}
}

func (s *suite) importRefused(t *testing.T) {
	f := s.fixed
	rsaDER, ecDER := pkcs8(t, f.rsa), pkcs8(t, f.ec[keys.P256])
	for name, c := range map[string]struct {
		spec  keys.Spec
		value []byte
	}{
		"AES of an odd length":       {keys.Spec{Type: keys.AES}, make([]byte, 15)},
		"AES of another size":        {keys.Spec{Type: keys.AES, Size: 256}, f.aes},
		"DES3 of an odd length":      {keys.Spec{Type: keys.DES3}, make([]byte, 20)},
		"HMAC of another size":       {keys.Spec{Type: keys.HMAC, Size: 256}, f.hmac},
		"RSA of rubbish":             {keys.Spec{Type: keys.RSA}, []byte("rubbish")},
		"RSA of another size":        {keys.Spec{Type: keys.RSA, Size: 3072}, rsaDER},
		"RSA of another exponent":    {keys.Spec{Type: keys.RSA, RSA: keys.RSAOptions{PublicExponent: 65539}}, rsaDER},
		"RSA of an EC key":           {keys.Spec{Type: keys.RSA}, ecDER},
		"RSA with bytes behind it":   {keys.Spec{Type: keys.RSA}, append(bytes.Clone(rsaDER), 0)},
		"RSA cut short":              {keys.Spec{Type: keys.RSA}, rsaDER[:len(rsaDER)-1]},
		"EC of an RSA key":           {keys.Spec{Type: keys.EC}, rsaDER},
		"EC of another curve":        {keys.Spec{Type: keys.EC, Curve: keys.P384}, ecDER},
		"EC for what it cannot do":   {keys.Spec{Type: keys.EC, Ops: keys.OpEncrypt}, ecDER},
		"EC of a raw number":         {keys.Spec{Type: keys.EC, Curve: keys.P256}, make([]byte, 32)},
		"CERTIFICATE of rubbish":     {keys.Spec{Type: keys.Certificate}, []byte("rubbish")},
		"EC of an absurdly long DER": {keys.Spec{Type: keys.EC}, append([]byte{0x30, 0x82, 0xff, 0x00}, make([]byte, 0xff00)...)},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.order(t, c.spec, min(len(c.value), keys.MaxMaterial))
			_, err := s.b.Import(within(t), o, secret.New(bytes.Clone(c.value)))
			if fault.KindOf(err) == fault.Unsupported && err != nil {
				s.refusals.works(t, "import "+string(c.spec.Type), err) // the type as such is refused
			} else {
				wantKind(t, err, fault.Invalid)
			}
			s.wantNothing(t, o)
		})
	}
}

// publicOnly: a public key is imported, verifies, and does nothing that needs the other half.
func (s *suite) publicOnly(t *testing.T) {
	f, data := s.fixed, []byte("data")
	ec := f.ec[keys.P256]
	for _, c := range []struct {
		name  string
		spec  keys.Spec
		value []byte
		sign  operations.Sign
	}{
		{"RSA", keys.Spec{Type: keys.RSA}, spki(t, &f.rsa.PublicKey), operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Input: data}},
		{"EC NistP256", keys.Spec{Type: keys.EC, Curve: keys.P256}, spki(t, &ec.PublicKey), operations.Sign{Hash: operations.SHA256, Input: data}},
		{"EC Ed25519", keys.Spec{Type: keys.EC, Curve: keys.Ed25519}, spki(t, f.ed.Public()), operations.Sign{Input: data}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := s.take(t, "public "+c.name, c.spec, c.value)
			if k == nil {
				return
			}
			if !k.PublicOnly {
				t.Error("the key is not marked as public only")
			}
			if diff := cmp.Diff(c.value, k.PublicKey); diff != "" {
				t.Errorf("public key (-want +got):\n%s", diff)
			}
			signature := s.signature(t, c.name, c.sign)
			v := operations.Verify{Hash: c.sign.Hash, Mode: c.sign.Mode, Input: data, Signature: signature}
			if !s.do(t, *k, v).Valid {
				t.Error("a good signature does not verify")
			}
			v.Input = []byte("date")
			if s.do(t, *k, v).Valid {
				t.Error("a signature of something else verifies")
			}
			_, err := s.try(t, *k, c.sign)
			wantKind(t, err, fault.Denied, fault.Unsupported, fault.Invalid)
		})
	}
}
