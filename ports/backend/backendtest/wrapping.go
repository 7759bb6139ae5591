package backendtest

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/backend"
)

// wrapping is a way to wrap.
type wrapping struct {
	name string
	with func(*testing.T) *keys.Key
	wrap operations.Wrap
}

func (s *suite) wrappings() []wrapping {
	aes, pair := s.wrapper, s.knownRSA
	return []wrapping{
		{"AES KW", aes, operations.Wrap{Mode: operations.KW}},
		{"AES KWP", aes, operations.Wrap{Mode: operations.KWP}},
		{"AES CBC", aes, operations.Wrap{Mode: operations.CBC}},
		{"AES CBCNOPAD", aes, operations.Wrap{Mode: operations.CBCNoPad}},
		{"AES CTR", aes, operations.Wrap{Mode: operations.CTR}},
		{"AES GCM", aes, operations.Wrap{Mode: operations.GCM, AD: []byte("header")}},
		{"AES CCM", aes, operations.Wrap{Mode: operations.CCM}},
		{"RSA OAEP SHA1", pair, operations.Wrap{Mode: operations.OAEP, Hash: operations.SHA1}},
		{"RSA OAEP SHA256", pair, operations.Wrap{Mode: operations.OAEP, Hash: operations.SHA256, Label: []byte("label")}},
		{"RSA PKCS1_V15", pair, operations.Wrap{Mode: operations.PKCS1v15}},
	}
}

// wrapper is the key of the examples of RFC 3394, 4.
func (s *suite) wrapper(t *testing.T) *keys.Key {
	return s.once("wrapper", func() *keys.Key {
		return s.take(t, "AES", keys.Spec{Type: keys.AES}, unhex(t, "000102030405060708090a0b0c0d0e0f"))
	})
}

// subject returns k as one that is wrapped, with its value where it can be had.
func (s *suite) subject(t *testing.T, k keys.Key) backend.Subject {
	t.Helper()
	if s.h.Virtual {
		return backend.Subject{Key: k}
	}
	v, err := s.b.Export(within(t), s.h.Group, k)
	if err != nil {
		t.Fatalf("exporting a key that may be: %v", err)
	}
	return backend.Subject{Key: k, Material: v}
}

// unwrap is the reverse of w.
func unwrap(w operations.Wrap, r operations.Result) operations.Unwrap {
	return operations.Unwrap{Mode: w.Mode, Hash: w.Hash, Wrapped: r.Output, IV: r.IV, AD: w.AD, Tag: r.Tag, Label: w.Label}
}

// wraps: what was wrapped is the same key again when it is unwrapped.
func (s *suite) wraps(t *testing.T) {
	f := s.fixed
	for _, w := range s.wrappings() {
		for _, m := range []material{
			{name: "AES", spec: keys.Spec{Type: keys.AES}, value: unhex(t, "00112233445566778899aabbccddeeff")},
			{name: "HMAC", spec: keys.Spec{Type: keys.HMAC}, value: append(bytes.Clone(f.hmac), f.hmac[:12]...)},
			{name: "EC NistP256", spec: keys.Spec{Type: keys.EC, Curve: keys.P256}, value: pkcs8(t, f.ec[keys.P256])},
			{name: "RSA", spec: keys.Spec{Type: keys.RSA}, value: pkcs8(t, f.rsa)},
		} {
			t.Run(m.name+" by "+w.name, func(t *testing.T) { s.wrapAndBack(t, w, m) })
		}
	}
}

func (s *suite) wrapAndBack(t *testing.T, w wrapping, m material) {
	spec := m.spec
	spec.Ops = keys.DefaultOps(spec.Type, spec.Curve) | keys.OpExport
	imported := m.name
	if m.spec.Type.Asymmetric() {
		imported += " as PKCS8"
	}
	with, k := w.with(t), s.take(t, imported, spec, m.value)
	if with == nil || k == nil {
		return // their import is refused, and listed
	}
	res, err := s.b.Wrap(within(t), s.h.Group, s.allow(t, *with, w.wrap), s.subject(t, *k))
	if m.spec.Type.Asymmetric() && with.Type.Asymmetric() {
		if fault.KindOf(err) != fault.Unsupported { // a backend that wraps nothing says that first
			wantKind(t, err, fault.Invalid)
		}
		return
	}
	whole := map[operations.Mode]int{operations.KW: 8, operations.CBCNoPad: 16}[w.wrap.Mode]
	if m.spec.Type.Asymmetric() && whole != 0 && err != nil && fault.KindOf(err) == fault.Invalid && len(m.value)%whole != 0 {
		return // of no length for the mode
	}
	if !s.refusals.works(t, "wrap "+m.name+" by "+w.name, err) {
		return
	}
	s.wantWrapped(t, w, m, res)
	o := s.order(t, spec, len(res.Output))
	made, err := s.b.Unwrap(within(t), o, s.allow(t, *with, unwrap(w.wrap, res)))
	if !s.refusals.works(t, "unwrap "+m.name+" by "+w.name, err) {
		s.wantNothing(t, o)
		return
	}
	again := s.record(o, made)
	s.wantMade(t, o.Spec, again)
	if diff := cmp.Diff(k.PublicKey, again.PublicKey); diff != "" {
		t.Errorf("public key (-wrapped +unwrapped):\n%s", diff)
	}
	if again.KCV != k.KCV || again.Size != k.Size || again.PublicOnly {
		t.Errorf("unwrapped a key of %d bits with the check value %s, want %d and %s", again.Size, again.KCV, k.Size, k.KCV)
	}
	s.works(t, again)
	s.sameKey(t, *k, again)
}

// wantWrapped checks a wrapped key where Go or a published vector can tell.
func (s *suite) wantWrapped(t *testing.T, w wrapping, m material, res operations.Result) {
	t.Helper()
	switch {
	case w.wrap.Mode == operations.KW && m.name == "AES": // RFC 3394, 4.1
		if diff := cmp.Diff(unhex(t, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"), res.Output); diff != "" {
			t.Errorf("wrapped key (-want +got):\n%s", diff)
		}
	case w.wrap.Mode == operations.OAEP && w.wrap.Hash == operations.SHA256:
		got, err := rsa.DecryptOAEP(sha256.New(), nil, s.fixed.rsa, res.Output, w.wrap.Label)
		if err != nil || !bytes.Equal(got, m.value) {
			t.Errorf("Go unwraps %d bytes, error %v; want the key", len(got), err)
		}
	}
}

// sameKey sees that what one key did the other one undoes.
func (s *suite) sameKey(t *testing.T, one, other keys.Key) {
	t.Helper()
	data := []byte("whole blocks....")
	switch one.Type {
	case keys.AES:
		e := s.do(t, one, operations.Encrypt{Mode: operations.CBC, Plain: data})
		if d := s.do(t, other, operations.Decrypt{Mode: operations.CBC, Cipher: e.Output, IV: e.IV}); !bytes.Equal(d.Output, data) {
			t.Errorf("decrypted %q, want %q", d.Output, data)
		}
	case keys.HMAC:
		m := s.do(t, one, operations.MAC{Hash: operations.SHA256, Data: data})
		if v := s.do(t, other, operations.MACVerify{Hash: operations.SHA256, Data: data, MAC: m.Output}); !v.Valid {
			t.Error("the MAC of one does not verify with the other")
		}
	default: // pairs are compared by their public halves
	}
}

// unwrapRefused: whatever is wrong with a wrapped key, the answer is one and the
// same, and nothing is made.
func (s *suite) unwrapRefused(t *testing.T) {
	aes := keys.Spec{Type: keys.AES, Ops: keys.OpEncrypt | keys.OpDecrypt | keys.OpExport}
	for _, w := range s.wrappings() {
		with, k := w.with(t), s.take(t, "AES", aes, s.fixed.aes)
		if with == nil || k == nil {
			continue
		}
		res, err := s.b.Wrap(within(t), s.h.Group, s.allow(t, *with, w.wrap), s.subject(t, *k))
		if fault.KindOf(err) == fault.Unsupported && err != nil {
			continue // which the suite sees elsewhere
		}
		if err != nil {
			t.Fatalf("wrapping by %s: %v", w.name, err)
		}
		changed := res
		changed.Output = flip(res.Output)
		for name, c := range map[string]struct {
			spec   keys.Spec
			result operations.Result
		}{
			"changed":         {aes, changed},
			"of another type": {keys.Spec{Type: keys.RSA}, res},
			"of another size": {keys.Spec{Type: keys.AES, Size: 256, Ops: aes.Ops}, res},
		} {
			m := w.wrap.Mode
			if name == "changed" && (m == operations.CTR || m == operations.CBC || m == operations.CBCNoPad) {
				continue // nothing tells
			}
			t.Run(w.name+" "+name, func(t *testing.T) {
				o := s.order(t, c.spec, len(c.result.Output))
				_, err := s.b.Unwrap(within(t), o, s.allow(t, *with, unwrap(w.wrap, c.result)))
				if err != nil && fault.KindOf(err) == fault.Unsupported {
					return // this way of unwrapping is refused as such, which the suite sees elsewhere
				}
				wantKind(t, err, fault.Invalid)
				if got, want := fault.Message(err), fault.Message(operations.DecryptRefused(nil)); got != want {
					t.Errorf("message is %q, want %q", got, want)
				}
				s.wantNothing(t, o)
			})
		}
	}
}
