package faultp11_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/pkcs11"
)

func TestReturn(t *testing.T) {
	c := wrapped(t)
	s := c.login()
	t.Run("the nth call", func(t *testing.T) {
		c.set("C_GenerateRandom nth 2 -> return CKR_DEVICE_ERROR")
		want(t, codes(4, func() error { return random(c, s) }), 0, pkcs11.CKR_DEVICE_ERROR, 0, 0)
	})
	t.Run("from the nth call", func(t *testing.T) {
		c.set("C_GenerateRandom from 3 -> return 0x80000001")
		want(t, codes(4, func() error { return random(c, s) }), 0, 0, 0x80000001, 0x80000001)
	})
	t.Run("every nth call, some times", func(t *testing.T) {
		c.set("C_Generate* every 2 times 2 -> return CKR_HOST_MEMORY")
		want(t, codes(7, func() error { return random(c, s) }), 0, pkcs11.CKR_HOST_MEMORY, 0, pkcs11.CKR_HOST_MEMORY, 0, 0, 0)
	})
	t.Run("the first rule that matches", func(t *testing.T) {
		c.set("C_GenerateRandom once -> return CKR_DEVICE_ERROR", "C_* times 1 -> return CKR_DEVICE_MEMORY")
		want(t, codes(3, func() error { return random(c, s) }), pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_MEMORY, 0)
	})
	t.Run("and how often rules have acted is told", func(t *testing.T) {
		_, taken, err := c.Fired(0)
		c.must(err)
		c.set("C_GenerateRandom every 2 -> return CKR_DEVICE_ERROR")
		want(t, codes(5, func() error { return random(c, s) }), 0, pkcs11.CKR_DEVICE_ERROR, 0, pkcs11.CKR_DEVICE_ERROR, 0)
		if fired, now, err := c.Fired(taken); err != nil || fired != 2 || now <= taken {
			t.Errorf("got %d, of rules %d to %d, and %v, want 2 of a new one", fired, taken, now, err)
		}
	})
	t.Run("another slot", func(t *testing.T) {
		c.set("C_* slot 1 -> return CKR_DEVICE_ERROR")
		want(t, codes(1, func() error { return random(c, s) }), 0)
	})
	t.Run("as a seed has it", func(t *testing.T) {
		rule := "C_GenerateRandom probability 0.5 seed 7 -> return CKR_DEVICE_ERROR"
		c.set(rule)
		first := codes(64, func() error { return random(c, s) })
		c.set(rule, "# another version")
		want(t, codes(64, func() error { return random(c, s) }), first...)
		failed := 0
		for _, code := range first {
			if code != 0 {
				failed++
			}
		}
		if failed < 16 || failed > 48 {
			t.Errorf("got %d of 64, want about half", failed)
		}
	})
	t.Run("from many sessions on", func(t *testing.T) {
		c.set("C_OpenSession open 3 -> return CKR_SESSION_COUNT")
		_, err := c.OpenSession(c.slot, pkcs11.CKF_SERIAL_SESSION)
		c.must(err)
		last := c.open()
		_, err = c.OpenSession(c.slot, pkcs11.CKF_SERIAL_SESSION)
		c.want("a session too many", err, pkcs11.CKR_SESSION_COUNT)
		c.must(c.CloseSession(last))
		c.open()
	})
	t.Run("done, but reported failed", func(t *testing.T) {
		_, key := c.pair(s, "doomed")
		c.set("C_DestroyObject -> call, return CKR_DEVICE_ERROR")
		c.want("destroying", c.DestroyObject(s, key), pkcs11.CKR_DEVICE_ERROR)
		if got := c.find(s, "doomed"); len(got) != 0 {
			t.Errorf("the key is still there: %v", got)
		}
	})
	t.Run("reported done, but not done", func(t *testing.T) {
		_, key := c.pair(s, "lucky")
		c.set("C_DestroyObject -> return CKR_OK")
		c.must(c.DestroyObject(s, key))
		if got := c.find(s, "lucky"); len(got) != 1 {
			t.Errorf("the key is gone: %v", got)
		}
	})
	t.Run("initialising on the third try", func(t *testing.T) {
		c.must(c.Finalize())
		c.set("C_Initialize times 2 -> return CKR_DEVICE_ERROR")
		want(t, codes(3, func() error { return c.Initialize() }), pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_ERROR, 0)
	})
}

func TestDelay(t *testing.T) {
	c := wrapped(t)
	s := c.open()
	c.set("C_GenerateRandom -> delay 30ms, return CKR_FUNCTION_FAILED")
	start := time.Now()
	c.want("random", random(c, s), pkcs11.CKR_FUNCTION_FAILED)
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("took %v, want 30ms or more", took)
	}
	c.set("C_GenerateRandom for 20ms -> delay 25ms")
	c.must(random(c, s)) // its delay outlasts the rule
	c.set("C_GenerateRandom after 1m -> return CKR_DEVICE_ERROR")
	c.must(random(c, s))
}

func TestHang(t *testing.T) {
	c := wrapped(t)
	s := c.open()
	c.set("C_GenerateRandom -> hang")
	done := make(chan error, 1)
	go func() { done <- random(c, s) }()
	c.logged("C_GenerateRandom") // it is in the call
	if _, err := c.GetSessionInfo(s); err != nil {
		t.Errorf("another call meanwhile: %v", err)
	}
	select {
	case err := <-done:
		t.Fatalf("did not hang: %v", err)
	default:
	}
	c.set()
	if err := <-done; err != nil {
		t.Errorf("after the hang: %v", err)
	}
	c.set("C_GenerateRandom once -> hang 10ms, return CKR_DEVICE_ERROR")
	c.want("a short hang", random(c, s), pkcs11.CKR_DEVICE_ERROR)
}

func TestLostSessions(t *testing.T) {
	c := wrapped(t)
	s, other := c.login(), c.open()
	c.set("C_GenerateRandom once -> lose session")
	c.want("the lost session", random(c, s), pkcs11.CKR_SESSION_HANDLE_INVALID)
	c.want("the lost session again", random(c, s), pkcs11.CKR_SESSION_HANDLE_INVALID)
	c.must(random(c, other))
	c.set("C_GenerateRandom once -> lose sessions")
	c.want("the other session", random(c, other), pkcs11.CKR_SESSION_HANDLE_INVALID)
	s = c.login() // and the login was lost with the last session
	if s == other {
		t.Errorf("the new session has the lost one's handle %d", s)
	}
	c.must(random(c, s))
	c.set("C_GenerateRandom once -> call, lose session")
	c.must(random(c, s))
	c.want("lost after the call", random(c, s), pkcs11.CKR_SESSION_HANDLE_INVALID)
}

func TestLostLogin(t *testing.T) {
	c := wrapped(t)
	s := c.login()
	_, key := c.pair(s, "key")
	c.set("C_SignInit once -> lose login")
	if _, err := c.sign(s, key); err == nil {
		t.Error("signed without a login")
	}
	c.must(c.Login(s, pkcs11.CKU_USER, c.pin))
	_, err := c.sign(s, c.find(s, "key")[0])
	c.must(err)
}

func TestHandles(t *testing.T) {
	c := wrapped(t)
	s := c.login()
	public, a := c.pair(s, "a")
	_, b := c.pair(s, "b")

	t.Run("shuffle: old handles stand for others, new ones are right", func(t *testing.T) {
		c.set("C_SignInit once -> handles shuffle")
		signature, err := c.sign(s, a)
		c.must(err)
		if got := c.label(s, a); got != "b" {
			t.Errorf("the old handle of a stands for %q, want b", got)
		}
		found := c.find(s, "a")
		if len(found) != 1 || found[0] != b {
			t.Errorf("a is found as %v, want the handle %d that b had", found, b)
		}
		if got := c.label(s, found[0]); got != "a" {
			t.Errorf("the new handle of a stands for %q", got)
		}
		c.set()
		c.want("verifying with a's public key", c.verify(s, public, signature), pkcs11.CKR_SIGNATURE_INVALID)
		if got := c.label(s, a); got != "a" {
			t.Errorf("after the rule, the handle of a stands for %q", got)
		}
	})
	t.Run("confuse: all handles stand for others", func(t *testing.T) {
		c.set("C_* -> handles confuse")
		found := c.find(s, "a")
		if len(found) != 1 || found[0] != a {
			t.Errorf("a is found as %v, want %d", found, a)
		}
		if got := c.label(s, a); got != "b" {
			t.Errorf("the handle of a stands for %q, want b", got)
		}
	})
	t.Run("invalid: old handles are refused, new ones are right", func(t *testing.T) {
		c.set("C_SignInit once -> handles invalid")
		_, err := c.sign(s, a)
		c.want("signing", err, pkcs11.CKR_KEY_HANDLE_INVALID)
		c.want("destroying", c.DestroyObject(s, a), pkcs11.CKR_OBJECT_HANDLE_INVALID)
		found := c.find(s, "a")
		if len(found) != 1 || found[0] == a {
			t.Fatalf("a is found as %v, want another handle than %d", found, a)
		}
		_, err = c.sign(s, found[0])
		c.must(err)
	})
}

func TestTokenAway(t *testing.T) {
	for _, kind := range []string{"absent", "gone"} {
		t.Run(kind, func(t *testing.T) {
			c := wrapped(t)
			s := c.login()
			c.set("C_GenerateRandom once -> token " + kind)
			c.want("a call in a session", random(c, s), pkcs11.CKR_DEVICE_REMOVED)
			_, err := c.OpenSession(c.slot, pkcs11.CKF_SERIAL_SESSION)
			c.want("opening a session", err, pkcs11.CKR_TOKEN_NOT_PRESENT)
			_, err = c.GetTokenInfo(c.slot)
			c.want("asking for the token", err, pkcs11.CKR_TOKEN_NOT_PRESENT)
			info, err := c.GetSlotInfo(c.slot)
			c.must(err)
			if info.Flags&pkcs11.CKF_TOKEN_PRESENT != 0 {
				t.Error("the slot says that its token is present")
			}
			slots, err := c.GetSlotList(true)
			c.must(err)
			if len(slots) != 0 {
				t.Errorf("slots with tokens: got %v, want none", slots)
			}
			if kind == "absent" {
				c.set()
			} else {
				c.must(c.Finalize())
				c.must(c.Initialize())
			}
			if kind == "absent" {
				c.want("the old session", random(c, s), pkcs11.CKR_SESSION_HANDLE_INVALID)
			}
			c.must(random(c, c.login()))
		})
	}
}

func TestTokenComesBack(t *testing.T) {
	c := wrapped(t)
	s := c.login()
	c.set("C_GenerateRandom for 50ms -> token absent")
	c.want("while it is away", random(c, s), pkcs11.CKR_DEVICE_REMOVED)
	var late atomic.Bool
	defer time.AfterFunc(10*time.Second, func() { late.Store(true) }).Stop()
	for !errors.Is(random(c, s), pkcs11.Error(pkcs11.CKR_SESSION_HANDLE_INVALID)) {
		if late.Load() {
			t.Fatal("the token does not come back")
		}
	}
	c.must(random(c, c.login()))
}

func TestTokenExchanged(t *testing.T) {
	c := wrapped(t)
	c.set(`C_GetTokenInfo -> token as label="another token" serial=0815`)
	info, err := c.GetTokenInfo(c.slot)
	c.must(err)
	if got := strings.TrimRight(info.Label, " "); got != "another token" {
		t.Errorf("label: got %q", got)
	}
	if got := strings.TrimRight(info.SerialNumber, " "); got != "0815" {
		t.Errorf("serial number: got %q", got)
	}
}

func TestNoSlots(t *testing.T) {
	c := wrapped(t)
	c.set("C_GetSlotList -> slots empty")
	slots, err := c.GetSlotList(false)
	c.must(err)
	if len(slots) != 0 {
		t.Errorf("slots: got %v, want none", slots)
	}
}

func TestWrongResults(t *testing.T) {
	c := wrapped(t)
	s := c.login()
	public, key := c.pair(s, "key")
	c.pair(s, "key")

	t.Run("a byte flipped", func(t *testing.T) {
		c.set("C_Sign -> flip")
		signature, err := c.sign(s, key)
		c.must(err)
		c.want("verifying", c.verify(s, public, signature), pkcs11.CKR_SIGNATURE_INVALID)
	})
	t.Run("an attribute flipped", func(t *testing.T) {
		point := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)}
		c.set()
		right, err := c.GetAttributeValue(s, public, point)
		c.must(err)
		c.set("C_GetAttributeValue -> flip")
		got, err := c.GetAttributeValue(s, public, point)
		c.must(err)
		if bytes.Equal(got[0].Value, right[0].Value) {
			t.Error("the point is what it was")
		}
	})
	t.Run("too short", func(t *testing.T) {
		c.set("C_Sign -> truncate 4")
		signature, err := c.sign(s, key)
		c.must(err)
		if len(signature) != 60 {
			t.Errorf("got %d bytes, want 60", len(signature))
		}
	})
	t.Run("a size that is too small", func(t *testing.T) {
		c.set("C_GetAttributeValue -> size -1")
		_, err := c.GetAttributeValue(s, public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
		c.want("reading", err, pkcs11.CKR_BUFFER_TOO_SMALL)
	})
	t.Run("fewer objects than there are", func(t *testing.T) {
		c.set("C_FindObjects -> keep 1")
		if got := c.find(s, "key"); len(got) != 1 {
			t.Errorf("found %d, want 1", len(got))
		}
	})
	t.Run("more objects than there are", func(t *testing.T) {
		c.set("C_FindObjects -> grow 1")
		if got := c.find(s, "key"); len(got) != 3 {
			t.Errorf("found %d, want 3", len(got))
		}
	})
}

func TestBrokenRules(t *testing.T) {
	c := wrapped(t)
	s := c.open()
	c.set("C_GenerateRandom -> return CKR_DEVICE_ERROR")
	c.want("random", random(c, s), pkcs11.CKR_DEVICE_ERROR)
	for _, broken := range []string{
		"C_Nothing -> hang", "C_Sign", "C_Sign ->", "C_Sign -> return CKR_NOTHING", "C_Sign nth -> hang", "C_Sign nth 0 -> hang",
		"C_Sign -> delay 3", "C_Sign sometimes -> hang", "C_Sign -> token as", `C_Sign -> token as label="x`, "C_Sign -> hang hang",
		"C_Sign probability 2 -> hang", "C_Sign -> size 3", "C_Sign -> hang,", "C_Sign -> token as serial=12345678901234567", "C_Sign -> explode",
	} {
		before, err := c.Log()
		c.must(err)
		c.set("# first line", broken)
		c.want(broken, random(c, s), pkcs11.CKR_DEVICE_ERROR) // the last good rules stay
		after, err := c.Log()
		c.must(err)
		if text := strings.Join(after[len(before):], "\n"); !strings.Contains(text, "problem: ") || !strings.Contains(text, ":2: ") {
			t.Errorf("%s: log: got %q, want the problem in line 2", broken, text)
		}
	}
	c.set()
	c.must(random(c, s))
}

func random(c *client, s pkcs11.SessionHandle) error {
	_, err := c.GenerateRandom(s, 16)
	return err
}

// codes collects the return values of n calls.
func codes(n int, call func() error) []uint {
	list := make([]uint, n)
	for i := range list {
		var code pkcs11.Error
		if err := call(); errors.As(err, &code) {
			list[i] = uint(code)
		}
	}
	return list
}

func want(t *testing.T, got []uint, want ...uint) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d calls, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("call %d: got %#x, want %#x", i+1, got[i], want[i])
		}
	}
}

// logged waits until the log tells of a fault of the function.
func (c *client) logged(function string) {
	c.t.Helper()
	var late atomic.Bool
	defer time.AfterFunc(10*time.Second, func() { late.Store(true) }).Stop()
	for !late.Load() {
		lines, err := c.Log()
		c.must(err)
		if strings.Contains(strings.Join(lines, "\n"), "fault "+function+" ") {
			return
		}
	}
	c.t.Fatalf("no fault of %s in the log", function)
}

func TestMain(m *testing.M) {
	if os.Getenv("FAULTP11_TEST_LIB") != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}
