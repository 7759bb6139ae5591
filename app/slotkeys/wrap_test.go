package slotkeys_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"testing"
	"time"

	"gatehouse/app/slotkeys"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/backend"
)

// wrapper imports a wrapping key of 32 bytes value.
func wrapper(t *testing.T, b *slotkeys.Backend, g groups.Group, value []byte, ops keys.Ops) keys.Key {
	t.Helper()
	k := keys.Key{
		ID: "44444444-4444-4444-8444-444444444444", Account: g.Account, Group: g.ID, Name: "wrapper", Type: keys.AES, Size: 256,
		Ops: ops, State: keys.Active, Enabled: true,
	}
	m, err := b.Import(t.Context(), backend.Order{
		ID: k.ID, Group: g, Imported: true, Spec: keys.Spec{Name: k.Name, Type: k.Type, Size: k.Size, Ops: ops, Enabled: true},
	}, secret.New(bytes.Clone(value)))
	if err != nil {
		t.Fatal(err)
	}
	k.Virtual = m.Virtual
	return k
}

func allowed(t *testing.T, k keys.Key, op operations.Operation) *access.Authorised {
	t.Helper()
	caller := access.Caller{Account: k.Account, Role: access.CryptoApp, Groups: map[id.Group]access.Permissions{k.Group: access.AllPermissions}}
	a, err := access.AuthoriseUse(caller, k, op, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A key whose value the service has is wrapped without being put into the HSM.
func TestWrapOfAValue(t *testing.T) {
	t.Parallel()
	s := newSlot()
	b := newBackend(t, map[id.Connection]*slot{first: s})
	g := group(connection(t, first, 0, pin))
	kek, value := bytes.Repeat([]byte{1}, 32), []byte("sixteen bytes...")
	with := wrapper(t, b, g, kek, keys.OpWrap|keys.OpUnwrap|keys.OpEncrypt)
	subject := backend.Subject{Key: keys.Key{Type: keys.AES, Size: 128}, Material: secret.New(bytes.Clone(value))}

	res, err := b.Wrap(t.Context(), g, allowed(t, with, operations.Wrap{Mode: operations.GCM, AD: []byte("header")}), subject)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	got, err := aead.Open(nil, res.IV, append(bytes.Clone(res.Output), res.Tag...), []byte("header"))
	if err != nil || !bytes.Equal(got, value) {
		t.Errorf("Go opens it as %q (%v), want the key", got, err)
	}
	if n := len(s.Objects()); n != 1 {
		t.Errorf("%d objects are in the HSM, want the wrapping key only", n)
	}
	for name, c := range map[string]struct {
		w       operations.Wrap
		subject backend.Subject
		want    fault.Kind
	}{
		"a mode that only wraps": {operations.Wrap{Mode: operations.KW}, subject, fault.Unsupported},
		"no whole blocks": {
			operations.Wrap{Mode: operations.CBCNoPad},
			backend.Subject{Key: keys.Key{Type: keys.HMAC, Size: 56}, Material: secret.New([]byte("7 bytes"))},
			fault.Invalid,
		},
		"a public key": {operations.Wrap{Mode: operations.GCM}, backend.Subject{Key: keys.Key{Type: keys.RSA, PublicOnly: true}, Material: secret.New(value)}, fault.Invalid},
	} {
		if _, err := b.Wrap(t.Context(), g, allowed(t, with, c.w), c.subject); fault.KindOf(err) != c.want {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// The private half goes from the HSM, and the key that is left is found as a public one.
func TestRemovePrivate(t *testing.T) {
	t.Parallel()
	s := newSlot()
	b := newBackend(t, map[id.Connection]*slot{first: s})
	g := group(connection(t, first, 0, pin))
	k := made(t, b, g)
	if err := b.Update(t.Context(), g, k, hsm.Change{RemovePrivate: true}); err != nil {
		t.Fatal(err)
	}
	k.PublicOnly = true
	if present, err := b.Present(t.Context(), g, k); err != nil || !present {
		t.Errorf("the public half is there: %t (%v), want it to be", present, err)
	}
	if err := b.Destroy(t.Context(), g, k); err != nil {
		t.Error(err)
	}
	if n := len(s.Objects()); n != 0 {
		t.Errorf("%d objects are left, want none", n)
	}
}
