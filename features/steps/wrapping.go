package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gatehouse/adapters/dsmwire"
	"gatehouse/simulators/lab/openssl"
)

// wrapping is a wrapped key with what it was made by.
type wrapping struct {
	with, subject, mode string
	reply               dsmwire.WrapKeyResponse
}

func wrappingSteps() []Step {
	return []Step{
		{Given, `^the application has generated the exportable (\S+(?: \S+)?) key "([^"]*)" in "([^"]*)"$`, on3((*scenario).generateExportable)},
		{Given, `^the application has imported the exportable (\S+(?: \S+)?) key "([^"]*)" into "([^"]*)"$`, on3((*scenario).importExportable)},
		{Given, `^the application has wrapped "([^"]*)" with "([^"]*)" using (\S+)$`, on3((*scenario).wrap)},
		{When, `^the application wraps "([^"]*)" with "([^"]*)" using (KW|KWP|CBC|GCM|OAEP|PKCS#1 v1\.5)$`, on3((*scenario).wraps)},
		{When, `^the application unwraps it into "([^"]*)"$`, on1((*scenario).unwraps)},
		{When, `^the application unwraps it with one bit changed into "([^"]*)"$`, on1((*scenario).unwrapsChanged)},
		{When, `^the application unwraps it as a transient key$`, on0((*scenario).unwrapsTransient)},
		{Then, `^it can be unwrapped into "([^"]*)" as the same key$`, on1((*scenario).unwrapsTheSame)},
		{Then, `^it unwraps outside the service to the original$`, on0((*scenario).unwrapsOutside)},
		{Then, `^the application has the same key again in "([^"]*)"$`, on1((*scenario).hasTheSame)},
	}
}

// wrappingOps are the operations of keys that wrap, are wrapped, and leave.
var wrappingOps = map[string][]string{
	"AES":  {"ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "EXPORT"},
	"RSA":  {"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "EXPORT"},
	"EC":   {"SIGN", "VERIFY", "EXPORT"},
	"HMAC": {"MACGENERATE", "MACVERIFY", "EXPORT"},
}

func (s *scenario) generateExportable(ctx context.Context, kind, name, group string) error {
	r, err := kindOf(kind)
	if err != nil {
		return err
	}
	return s.generateWith(ctx, kind, name, group, wrappingOps[r.ObjType]...)
}

func (s *scenario) importExportable(ctx context.Context, kind, name, group string) error {
	r, err := kindOf(kind)
	if err != nil {
		return err
	}
	return s.importWith(ctx, kind, name, group, wrappingOps[r.ObjType]...)
}

func (s *scenario) wraps(ctx context.Context, subject, with, mode string) error {
	return s.did(s.wrap(ctx, subject, with, mode))
}

func (s *scenario) wrap(ctx context.Context, subject, with, mode string) error {
	app, err := s.application()
	if err != nil {
		return err
	}
	k, err := s.key(ctx, with)
	if err != nil {
		return err
	}
	w := wrapping{with: with, subject: subject, mode: mode}
	w.reply, err = app.Wrap(ctx, dsmwire.WrapKeyRequest{
		Key: &dsmwire.SobjectDescriptor{Name: with}, Subject: &dsmwire.SobjectDescriptor{Name: subject}, Alg: k.ObjType, Mode: wrapMode(mode),
	})
	s.wrapped = w
	return err
}

// wrapMode is modeNamed, but for OAEP, of which HSMs have SHA-1 alone.
func wrapMode(name string) *dsmwire.Mode {
	if name == "OAEP" {
		return &dsmwire.Mode{Name: dsmwire.OAEP, Hash: "SHA1"}
	}
	return modeNamed(name)
}

// unwrapRequest asks for what was wrapped under a name of its own.
func (s *scenario) unwrapRequest(ctx context.Context, group string) (dsmwire.UnwrapKeyRequest, error) {
	w := s.wrapped
	k, err := s.key(ctx, w.with)
	if err != nil {
		return dsmwire.UnwrapKeyRequest{}, err
	}
	subject, err := s.key(ctx, w.subject)
	if err != nil {
		return dsmwire.UnwrapKeyRequest{}, err
	}
	name := w.subject + " again"
	r := dsmwire.UnwrapKeyRequest{
		Key: &dsmwire.SobjectDescriptor{Name: w.with}, Alg: k.ObjType, Mode: wrapMode(w.mode), ObjType: subject.ObjType,
		WrappedKey: w.reply.WrappedKey, IV: w.reply.IV, Tag: w.reply.Tag, Name: &name,
	}
	if group != "" {
		g, err := s.group(group)
		if err != nil {
			return r, err
		}
		r.GroupID = &g.GroupID
	}
	return r, nil
}

func (s *scenario) unwrap(ctx context.Context, group string) error {
	if s.outcome != nil {
		return s.outcome
	}
	r, err := s.unwrapRequest(ctx, group)
	if err != nil {
		return err
	}
	_, err = s.app.Unwrap(ctx, r)
	return err
}

func (s *scenario) unwraps(ctx context.Context, group string) error {
	return s.did(s.unwrap(ctx, group))
}

func (s *scenario) unwrapsChanged(ctx context.Context, group string) error {
	w := bytes.Clone(s.wrapped.reply.WrappedKey)
	w[len(w)/2] ^= 1
	s.wrapped.reply.WrappedKey = w
	return s.did(s.unwrap(ctx, group))
}

func (s *scenario) unwrapsTransient(ctx context.Context) error {
	r, err := s.unwrapRequest(ctx, "")
	if err != nil {
		return err
	}
	yes := true
	r.Transient = &yes
	s.loose, err = s.app.Unwrap(ctx, r)
	return s.did(err)
}

func (s *scenario) unwrapsTheSame(ctx context.Context, group string) error {
	if err := s.unwrap(ctx, group); err != nil {
		return err
	}
	return s.hasTheSame(ctx, group)
}

func (s *scenario) hasTheSame(ctx context.Context, group string) error {
	if s.outcome != nil {
		return s.outcome
	}
	before, err := s.key(ctx, s.wrapped.subject)
	if err != nil {
		return err
	}
	after, err := s.keyOf(ctx, s.wrapped.subject+" again", group)
	if err != nil {
		return err
	}
	if before.ObjType == "AES" { // not every HSM tells the check value of what it unwrapped
		return s.encryptAlike(ctx, &dsmwire.SobjectDescriptor{Name: before.Name}, &dsmwire.SobjectDescriptor{Name: after.Name})
	}
	return sameKey(before, after)
}

// sameKey compares what may be known of two keys.
func sameKey(a, b dsmwire.Sobject) error {
	if a.KCV == "" && len(a.PubKey) == 0 {
		return errors.New("nothing is known of the key by which to tell it from others")
	}
	if !bytes.Equal(a.PubKey, b.PubKey) {
		return errors.New("the two keys have different public keys")
	}
	return expect("check value", b.KCV, a.KCV)
}

func (s *scenario) unwrapsOutside(ctx context.Context) error {
	if s.outcome != nil {
		return s.outcome
	}
	kek, err := s.original(s.wrapped.with)
	if err != nil {
		return err
	}
	want, err := s.original(s.wrapped.subject)
	if err != nil {
		return err
	}
	var got []byte
	w := s.wrapped.reply
	switch s.wrapped.mode {
	case "KW":
		got, err = openssl.Unwrap(ctx, kek.value, w.WrappedKey)
	case "KWP":
		got, err = openssl.UnwrapPadded(ctx, kek.value, w.WrappedKey)
	case "CBC":
		got, err = openssl.DecryptCBC(ctx, kek.value, w.IV, w.WrappedKey)
	default:
		err = fmt.Errorf("nobody unwraps %s outside the service here", s.wrapped.mode)
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want.value) {
		return errors.New("it is another key")
	}
	return nil
}
