package faultp11_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"gatehouse/simulators/faultp11"
	"gatehouse/simulators/softtoken"
)

// client is a PKCS#11 application whose library is wrapped.
type client struct {
	*pkcs11.Ctx
	*faultp11.Injector

	t    *testing.T
	slot uint
	pin  string
}

// wrapped returns an application with a SoftHSM token behind the module. Each has
// a copy of the real library too: its state is its own.
func wrapped(t *testing.T) *client {
	t.Helper()
	token, err := softtoken.SoftHSM(t.TempDir(), "token", "1234")
	softtoken.Need(t, err)
	if token, err = token.CopyLib(filepath.Join(t.TempDir(), "real.so")); err != nil {
		t.Fatal(err)
	}
	in, err := faultp11.Wrap(t.TempDir(), token.Lib, token.Env...)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{Ctx: pkcs11.New(in.Lib), Injector: in, t: t, slot: token.Slot, pin: token.PIN}
	if c.Ctx == nil {
		t.Fatal("the wrapped module was not loaded")
	}
	t.Cleanup(func() {
		c.set()
		_ = c.Finalize() // some tests have finalised
		c.Destroy()
	})
	c.must(c.Initialize())
	return c
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) set(rules ...string) {
	c.t.Helper()
	c.must(c.Set(rules...))
}

// want fails the test unless err is this CKR; CKR_OK stands for none.
func (c *client) want(what string, err error, want uint) {
	c.t.Helper()
	got := pkcs11.Error(pkcs11.CKR_OK)
	if err != nil && !errors.As(err, &got) {
		c.t.Fatalf("%s: %v", what, err)
	}
	if got != pkcs11.Error(want) {
		c.t.Errorf("%s: got %v, want %v", what, got, pkcs11.Error(want))
	}
}

func (c *client) open() pkcs11.SessionHandle {
	c.t.Helper()
	s, err := c.OpenSession(c.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	c.must(err)
	return s
}

func (c *client) login() pkcs11.SessionHandle {
	c.t.Helper()
	s := c.open()
	c.must(c.Login(s, pkcs11.CKU_USER, c.pin))
	return s
}

// pair makes a P-256 key pair with this label.
func (c *client) pair(s pkcs11.SessionHandle, label string) (public, private pkcs11.ObjectHandle) {
	c.t.Helper()
	p256 := []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}
	public, private, err := c.GenerateKeyPair(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256)},
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true)})
	c.must(err)
	return public, private
}

func (c *client) sign(s pkcs11.SessionHandle, key pkcs11.ObjectHandle) ([]byte, error) {
	if err := c.SignInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, key); err != nil {
		return nil, err
	}
	return c.Sign(s, []byte("a digest of thirty-two bytes, or"))
}

func (c *client) verify(s pkcs11.SessionHandle, key pkcs11.ObjectHandle, signature []byte) error {
	if err := c.VerifyInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, key); err != nil {
		return err
	}
	return c.Verify(s, []byte("a digest of thirty-two bytes, or"), signature)
}

func (c *client) find(s pkcs11.SessionHandle, label string) []pkcs11.ObjectHandle {
	c.t.Helper()
	c.must(c.FindObjectsInit(s, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}))
	found, _, err := c.FindObjects(s, 10)
	c.must(err)
	c.must(c.FindObjectsFinal(s))
	return found
}

func (c *client) label(s pkcs11.SessionHandle, o pkcs11.ObjectHandle) string {
	c.t.Helper()
	a, err := c.GetAttributeValue(s, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)})
	c.must(err)
	return string(a[0].Value)
}

func TestLifeWithoutRules(t *testing.T) {
	c := wrapped(t)
	slots, err := c.GetSlotList(true)
	c.must(err)
	if len(slots) == 0 || slots[0] != c.slot {
		t.Errorf("slots: got %v, want %d first", slots, c.slot)
	}
	info, err := c.GetTokenInfo(c.slot)
	c.must(err)
	if got := strings.TrimRight(info.Label, " \x00"); got != "token" {
		t.Errorf("label: got %q, want token", got)
	}
	s := c.open()
	c.want("wrong PIN", c.Login(s, pkcs11.CKU_USER, "4321"), pkcs11.CKR_PIN_INCORRECT)
	c.must(c.Login(s, pkcs11.CKU_USER, c.pin))
	public, private := c.pair(s, "key")
	signature, err := c.sign(s, private)
	c.must(err)
	c.must(c.verify(s, public, signature))
	if got := c.find(s, "key"); len(got) != 1 || got[0] != private {
		t.Errorf("found: got %v, want %v", got, private)
	}
	if got := c.label(s, private); got != "key" {
		t.Errorf("label of the key: got %q", got)
	}
	random, err := c.GenerateRandom(s, 16)
	c.must(err)
	if len(random) != 16 {
		t.Errorf("random: got %d bytes, want 16", len(random))
	}
	c.must(c.DestroyObject(s, private))
	c.want("a key that is gone", c.SignInit(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, private), pkcs11.CKR_OBJECT_HANDLE_INVALID)
	c.must(c.Logout(s))
	c.must(c.CloseSession(s))
	c.want("a closed session", c.CloseSession(s), pkcs11.CKR_SESSION_HANDLE_INVALID)
	c.must(c.CloseAllSessions(c.slot))
	c.must(c.Finalize())
	c.want("after the end", c.CloseSession(s), pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED)

	counts, err := c.Counts()
	c.must(err)
	if got := counts["C_Login"]; got.Calls != 2 || got.Reached != 2 || got.Faults != 0 ||
		got.Real[pkcs11.CKR_PIN_INCORRECT] != 1 || got.Told[pkcs11.CKR_OK] != 1 || got.Pending() != 0 {
		t.Errorf("counts of C_Login: got %+v", got)
	}
	if lines, err := c.Log(); err != nil || len(lines) != 0 {
		t.Errorf("log: got %q, %v, want nothing", lines, err)
	}
}
