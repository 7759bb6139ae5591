package tokentest

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// wraps: what the token wraps Go opens, and the token itself makes the same key of it.
func (s *suite) wraps(t *testing.T) {
	for _, c := range wrapCases() {
		typ := s.kind(c.kind).Type
		t.Run(fmt.Sprintf("%s %s", typ, c.name), func(t *testing.T) {
			if with := s.wrapper(t, c.kind); with != nil {
				s.wrapSecret(t, with, c)
			}
		})
		if typ == keys.AES && anyLength(c.w.Mode) {
			for _, kind := range []string{"RSA 2048", "EC NistP256"} {
				t.Run(fmt.Sprintf("%s %s of %s", typ, c.name, kind), func(t *testing.T) {
					if with := s.wrapper(t, c.kind); with != nil && s.does(c.w, typ) {
						s.wrapPrivate(t, with, c, kind)
					}
				})
			}
		}
	}
	t.Run("a HMAC key", func(t *testing.T) {
		with, c := s.way(t)
		if with == nil {
			return
		}
		tpl := s.kind("HMAC 256")
		tpl.Extractable = true
		if subject := s.importKnown(t, tpl); subject != nil {
			res := s.wrapped(t, with, subject.object, c.w)
			back := s.kind("HMAC 256")
			o, err := s.tok.Unwrap(within(t), with.object.Ref(), back, unwrapOf(c.w, res))
			if err != nil {
				t.Fatal(err)
			}
			s.compareUnwrapped(t, back, o)
		}
	})
	t.Run("by a stranger", func(t *testing.T) {
		with := s.wrapper(t, "AES 256")
		if with == nil || !s.does(operations.Unwrap{Mode: operations.KW}, keys.AES) {
			return
		}
		value, tpl := random(16), s.kind("AES 128")
		tpl.Ops = keys.OpEncrypt
		o, err := s.tok.Unwrap(within(t), with.object.Ref(), tpl, operations.Unwrap{Mode: operations.KW, Wrapped: goWrap(t, with, value)})
		if err != nil {
			t.Fatal(err)
		}
		s.isKey(t, o, value)
	})
}

// wrapSecret wraps a secret key and unwraps it again.
func (s *suite) wrapSecret(t *testing.T, with *imported, c wrapCase) {
	typ := with.object.Type
	tpl := s.aes()
	tpl.Extractable = true
	subject := s.importKnown(t, tpl)
	if subject == nil {
		return
	}
	res, err := s.tok.Wrap(within(t), with.object.Ref(), subject.object.Ref(), c.w)
	if !s.operated(t, "wrap", typ, c.name, c.w, err) {
		return
	}
	block := operations.BlockSize(typ)
	if want := c.w.Mode.IVSize(block); typ != keys.RSA && len(res.IV) != want {
		t.Errorf("got an iv of %d bytes, want %d", len(res.IV), want)
	}
	if c.w.Mode != operations.CCM { // Go has none: the token's own unwrapping has to do
		got, err := goUnwrap(with, c.w, res, len(subject.raw))
		if err != nil || !bytes.Equal(got, subject.raw) {
			t.Errorf("Go opens it as %d bytes that are the key: %t (%v), want the key's %d", len(got), bytes.Equal(got, subject.raw), err, len(subject.raw))
		}
	}
	u := unwrapOf(c.w, res)
	for _, size := range []int{256, 0} {
		back := s.aes()
		back.Size = size
		o, err := s.tok.Unwrap(within(t), with.object.Ref(), back, u)
		if !s.operated(t, "unwrap", typ, c.name, u, err) {
			s.wantNone(t, back.ID)
			return
		}
		back.Size = 256
		s.compareUnwrapped(t, back, o)
		s.isKey(t, o, subject.raw)
	}
}

// compareUnwrapped is compare, with what the inventory shows too, for a token that
// may not tell the size.
func (s *suite) compareUnwrapped(t *testing.T, tpl hsm.Template, o hsm.Object) {
	t.Helper()
	for _, o := range []hsm.Object{o, s.find(t, o.Class, tpl.ID)} {
		if o.Size == 0 && s.h.ForgetsSize != "" {
			o.Size = tpl.Size
		}
		s.compare(t, tpl, o)
	}
}

// wrapped wraps and fails the test when that fails.
func (s *suite) wrapped(t *testing.T, with *imported, subject hsm.Object, w operations.Wrap) operations.Result {
	t.Helper()
	res, err := s.tok.Wrap(within(t), with.object.Ref(), subject.Ref(), w)
	if err != nil {
		t.Fatalf("wrapping: %v", err)
	}
	return res
}

// wrapPrivate wraps a private key, and unwraps it again.
func (s *suite) wrapPrivate(t *testing.T, with *imported, c wrapCase, kind string) {
	tpl := s.kind(kind)
	tpl.Extractable = true
	subject := s.importKnown(t, tpl)
	if subject == nil {
		return
	}
	name := fmt.Sprintf("wrap %s %s of %s", with.object.Type, c.name, kind)
	res, err := s.tok.Wrap(within(t), with.object.Ref(), subject.object.Ref(), c.w)
	if !s.refusals.works(t, name, err) {
		return
	}
	if c.w.Mode != operations.CCM && c.w.Mode != operations.CBC { // of CBC's padding the length is not known
		der, err := goUnwrap(with, c.w, res, len(res.Output))
		if err != nil {
			t.Fatalf("Go does not open it: %v", err)
		}
		if !samePrivate(der, subject) {
			t.Errorf("it is not the private key in PKCS #8: %d bytes", len(der))
		}
	}
	back := s.kind(kind)
	o, err := s.tok.Unwrap(within(t), with.object.Ref(), back, unwrapOf(c.w, res))
	if !s.refusals.works(t, "un"+name, err) {
		s.wantNone(t, back.ID)
		return
	}
	if o.Class != hsm.PrivateKey || o.Extractable {
		t.Errorf("got a %s, extractable: %t, want a private key that is not", o.Class, o.Extractable)
	}
	s.compare(t, back, o)
	public := spki(t, subject.public())
	if back.Type == keys.RSA && !bytes.Equal(o.PublicKey, public) {
		t.Errorf("got public key %x, want %x", o.PublicKey, public)
	}
	sign := operations.Sign{Hash: operations.SHA256, Input: []byte("data")}
	if back.Type == keys.RSA {
		sign.Mode = operations.PKCS1v15
	}
	if !s.does(sign, back.Type) {
		return
	}
	if err := goVerify(public, sign, s.operate(t, o.Ref(), sign).Output); err != nil {
		t.Errorf("the unwrapped key is another one: %v", err)
	}
}

// samePrivate reports whether der is the PKCS #8 form of k.
func samePrivate(der []byte, k *imported) bool {
	got, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return false
	}
	if k.rsa != nil {
		return k.rsa.Equal(got)
	}
	return k.ec.Equal(got)
}

// way returns a wrapping key and a way to wrap with it that the token lists; nil
// when it has none.
func (s *suite) way(t *testing.T) (*imported, wrapCase) {
	t.Helper()
	for _, c := range wrapCases() {
		typ := s.kind(c.kind).Type
		if len(c.w.IV) == 0 && s.does(c.w, typ) && s.does(operations.Unwrap{Mode: c.w.Mode, Hash: c.w.Hash}, typ) {
			return s.wrapper(t, c.kind), c
		}
	}
	return nil, wrapCase{}
}

// wrapRefused: what may not be wrapped is not.
func (s *suite) wrapRefused(t *testing.T) {
	with, c := s.way(t)
	if with == nil {
		t.Run("nothing can be wrapped", func(t *testing.T) {
			o := s.generateKey(t, s.aes())
			_, err := s.tok.Wrap(within(t), o.Ref(), o.Ref(), operations.Wrap{Mode: operations.KW})
			wantKind(t, err, fault.Unsupported)
			tpl := s.aes()
			_, err = s.tok.Unwrap(within(t), o.Ref(), tpl, operations.Unwrap{Mode: operations.KW, Wrapped: random(40)})
			wantKind(t, err, fault.Unsupported)
			s.wantNone(t, tpl.ID)
		})
		return
	}
	tpl := s.aes()
	tpl.Extractable = true
	subject := s.generateKey(t, tpl)
	nobody := hsm.Ref{Class: with.object.Class, Type: with.object.Type, ID: s.newID()}
	for name, try := range map[string]struct {
		with, subject hsm.Ref
		w             operations.Wrap
		want          []fault.Kind
	}{
		"a key that is not extractable": {with.object.Ref(), s.generateKey(t, s.aes()).Ref(), c.w, []fault.Kind{fault.Denied}},
		"a key that is not there":       {with.object.Ref(), nobody, c.w, []fault.Kind{fault.NotFound}},
		"with a key that is not there":  {nobody, subject.Ref(), c.w, []fault.Kind{fault.NotFound}},
		"without a mode":                {with.object.Ref(), subject.Ref(), operations.Wrap{}, []fault.Kind{fault.Invalid}},
		"with an iv that is none":       {with.object.Ref(), subject.Ref(), operations.Wrap{Mode: c.w.Mode, Hash: c.w.Hash, IV: random(3)}, []fault.Kind{fault.Invalid}},
		"in a format of private keys": {
			with.object.Ref(), subject.Ref(), operations.Wrap{Mode: c.w.Mode, Hash: c.w.Hash, Format: operations.FormatPKCS8}, []fault.Kind{fault.Invalid},
		},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := s.tok.Wrap(within(t), try.with, try.subject, try.w)
			wantKind(t, err, try.want...)
			if len(res.Output) != 0 {
				t.Errorf("a refused wrapping gives %d bytes away", len(res.Output))
			}
		})
	}
	t.Run("with a key that may not wrap", func(t *testing.T) {
		other := s.importKnown(t, s.withOps(c.kind, keys.OpUnwrap))
		_, err := s.tok.Wrap(within(t), other.object.Ref(), subject.Ref(), c.w)
		wantKind(t, err, fault.Denied)
	})
	t.Run("of an asymmetric key by another", func(t *testing.T) {
		rsa := s.wrapper(t, "RSA 2048")
		pair := s.pair(t, "EC NistP256")
		if rsa == nil || pair == nil {
			return
		}
		_, err := s.tok.Wrap(within(t), rsa.object.Ref(), pair.Ref(), operations.Wrap{Mode: operations.PKCS1v15})
		wantKind(t, err, fault.Invalid)
	})
	t.Run("of a public key", func(t *testing.T) {
		if pair := s.pair(t, "EC NistP256"); pair != nil {
			_, err := s.tok.Wrap(within(t), with.object.Ref(), s.find(t, hsm.PublicKey, pair.ID).Ref(), c.w)
			wantKind(t, err, fault.Invalid)
		}
	})
}
