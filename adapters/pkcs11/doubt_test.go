package pkcs11_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"gatehouse/adapters/pkcs11"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/simulators/faultp11"
)

// injected opens SoftHSM2 behind faultp11.
func injected(t *testing.T) (*faultp11.Injector, *pkcs11.Token) {
	t.Helper()
	st := softHSM(t)
	in, err := faultp11.Wrap(t.TempDir(), st.Lib, st.Env...)
	if err != nil {
		t.Fatal(err)
	}
	st.Lib = in.Lib
	tok, err := load(t, st, pkcs11.Options{}).Open(t.Context(), st.Slot, secret.FromString(st.PIN))
	if err != nil {
		t.Fatal(err)
	}
	return in, tok
}

func inject(t *testing.T, in *faultp11.Injector, rules ...string) {
	t.Helper()
	if err := in.Set(rules...); err != nil {
		t.Fatal(err)
	}
}

// TestDoubtfulRefusals: a token that fails in some calls is not taken for one that
// refuses the ciphertext, and a ciphertext that is wrong is refused.
func TestDoubtfulRefusals(t *testing.T) {
	in, tok := injected(t)
	o, err := tok.Generate(t.Context(), aesKey)
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte("plain")
	e, err := tok.Operate(t.Context(), o.Ref(), operations.Encrypt{Mode: operations.GCM, Plain: plain})
	if err != nil {
		t.Fatal(err)
	}
	right := operations.Decrypt{Mode: operations.GCM, Cipher: e.Output, IV: e.IV, Tag: e.Tag}
	wrong := right
	wrong.Cipher = bytes.Clone(e.Output)
	wrong.Cipher[0] ^= 1
	// Each call is made twice: after two, the token decrypts what it has encrypted
	// itself, and is asked again.
	refusals := "C_Decrypt times 2 -> return CKR_GENERAL_ERROR"
	for _, c := range []struct {
		name  string
		op    operations.Decrypt
		rules []string
		want  fault.Kind // "" for none
	}{
		{"once", right, []string{"C_Decrypt once -> return CKR_GENERAL_ERROR"}, ""},
		{"twice", right, []string{refusals}, ""},
		{"four times, and not what the key has encrypted itself", right, []string{refusals, "C_Decrypt from 2 times 2 -> return CKR_GENERAL_ERROR"}, ""},
		{"twice, and what the key has encrypted itself", right, []string{"C_Decrypt times 4 -> return CKR_GENERAL_ERROR"}, fault.Unavailable},
		{"twice, and encryption fails", right, []string{
			refusals,
			"C_Encrypt nth 3 -> return CKR_GENERAL_ERROR", // the two before it ask whether the token lives
			"C_Encrypt nth 4 -> return CKR_GENERAL_ERROR", // of those that the rule above has let through
		}, fault.Unavailable},
		{"and the ciphertext is wrong", wrong, nil, fault.Invalid},
	} {
		t.Run("a ciphertext is refused "+c.name, func(t *testing.T) {
			inject(t, in, c.rules...)
			got, err := tok.Operate(t.Context(), o.Ref(), c.op)
			inject(t, in)
			switch {
			case c.want == "" && (err != nil || !bytes.Equal(got.Output, plain)):
				t.Errorf("got %q and %v, want %q", got.Output, err, plain)
			case c.want != "" && fault.KindOf(err) != c.want:
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestChangeBeforeALogin: a key that was destroyed before the login was lost, and
// could not be had again, is not said to be as it was.
func TestChangeBeforeALogin(t *testing.T) {
	for _, value := range []string{"CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID"} {
		t.Run("which fails with "+value, func(t *testing.T) {
			in, tok := injected(t)
			o, err := tok.Generate(t.Context(), aesKey)
			if err != nil {
				t.Fatal(err)
			}
			inject(t, in,
				"C_FindObjectsInit nth 2 -> lose login, return CKR_USER_NOT_LOGGED_IN", // which looks whether it is gone
				"C_Login once -> return "+value)
			err = tok.Destroy(t.Context(), o.Ref())
			inject(t, in)
			if !errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Untried) {
				t.Errorf("got %v, want unavailable, and that it may have been done", err)
			}
			if err := tok.Heal(t.Context(), healing.NewLibrary); err != nil {
				t.Fatal(err)
			}
			if left := list(t, tok, hsm.Filter{ID: o.ID}); len(left) != 0 {
				t.Errorf("%d objects are left: the test destroyed nothing", len(left))
			}
		})
	}
}

// TestChangeBeforeARefusedLogin: no other connection takes a change for one that it
// may make, because the PIN was refused after it.
func TestChangeBeforeARefusedLogin(t *testing.T) {
	in, tok := injected(t)
	o, err := tok.Generate(t.Context(), aesKey)
	if err != nil {
		t.Fatal(err)
	}
	inject(t, in, "C_FindObjectsInit nth 2 -> lose login, return CKR_USER_NOT_LOGGED_IN", "C_Login once -> return CKR_PIN_INCORRECT")
	err = tok.Destroy(t.Context(), o.Ref())
	inject(t, in)
	if !errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Untried) || fault.ReasonOf(err) != fault.TokenFailed {
		t.Errorf("got %v (%s), want a failure of the HSM in a change", err, fault.ReasonOf(err))
	}
	if _, err := tok.Check(t.Context()); fault.ReasonOf(err) != fault.PINIncorrect {
		t.Errorf("got %v, want the next call to tell of the PIN", err)
	}
}

// TestHalfDone: a refusal by which a change is left half done is not told as one:
// whoever is refused takes it that all is as it was.
func TestHalfDone(t *testing.T) {
	in, tok := injected(t)
	tpl := p256
	tpl.ID, tpl.Label = []byte("ec"), []byte("ec")
	o, err := tok.Generate(t.Context(), tpl)
	if err != nil {
		t.Fatal(err)
	}
	const prohibited = "0x0000001B" // CKR_ACTION_PROHIBITED
	t.Run("a public half that may not be destroyed", func(t *testing.T) {
		inject(t, in, "C_DestroyObject nth 2 -> return "+prohibited)
		err := tok.Destroy(t.Context(), o.Ref())
		if inject(t, in); fault.KindOf(err) != fault.Unavailable || errors.Is(err, fault.Untried) {
			t.Errorf("got %v, want unavailable, and that it may have been done", err)
		}
	})
	t.Run("a key that was made and may not be removed", func(t *testing.T) {
		inject(t, in, "C_GenerateKey -> call, return CKR_DEVICE_MEMORY", "C_DestroyObject -> return "+prohibited)
		_, err := tok.Generate(t.Context(), aesKey)
		if inject(t, in); fault.KindOf(err) != fault.Unavailable || errors.Is(err, fault.Untried) {
			t.Errorf("got %v, want unavailable, and that it may have been done", err)
		}
	})
}

// TestHiddenHalf: a public half that the token does not show right then is not left
// out of a change that is told as done.
func TestHiddenHalf(t *testing.T) {
	in, tok := injected(t)
	tpl := p256
	tpl.ID, tpl.Label = []byte("ec"), []byte("ec")
	o, err := tok.Generate(t.Context(), tpl)
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	for first := range 4 { // the call that reads an object whole
		for then := range 24 { // and one of those that read it attribute by attribute
			label := fmt.Appendf(nil, "%d-%d", first, then)
			inject(t, in,
				fmt.Sprintf("C_GetAttributeValue nth %d -> return CKR_GENERAL_ERROR", first+1),
				fmt.Sprintf("C_GetAttributeValue nth %d -> return CKR_GENERAL_ERROR", first+then+1)) // of those that the first rule leaves
			err := tok.Update(t.Context(), o.Ref(), hsm.Change{Label: &label})
			inject(t, in)
			named := map[string]int{}
			for _, half := range list(t, tok, hsm.Filter{ID: o.ID}) {
				named[string(half.Label)]++
			}
			switch {
			case err == nil && named[string(label)] == 2:
				done++
				o.Label = label
			case err == nil:
				t.Fatalf("calls %d and %d failed: the change is told as done, and the halves are called %v", first+1, first+then+2, named)
			case named[string(o.Label)] != 2:
				t.Fatalf("calls %d and %d failed: got %v, and the halves are called %v", first+1, first+then+2, err, named)
			}
		}
	}
	if done == 0 {
		t.Error("no change was done")
	}
}

// TestSearchThatFindsTooLittle: a public half that one search does not find, or all
// searches from some moment on, is not left behind by a change that is told as done.
func TestSearchThatFindsTooLittle(t *testing.T) {
	in, tok := injected(t)
	for name, change := range map[string]func(hsm.Object) error{
		"rename": func(o hsm.Object) error {
			label := []byte("renamed")
			return tok.Update(t.Context(), o.Ref(), hsm.Change{Label: &label})
		},
		"destroy": func(o hsm.Object) error { return tok.Destroy(t.Context(), o.Ref()) },
	} {
		for _, when := range []string{"nth", "from"} {
			for n := range 8 {
				rule := fmt.Sprintf("C_FindObjects %s %d -> keep 0", when, n+1)
				t.Run(name+", "+rule, func(t *testing.T) {
					tpl := p256
					tpl.ID = fmt.Appendf(nil, "%s %s %d", name, when, n)
					tpl.Label = tpl.ID
					o, err := tok.Generate(t.Context(), tpl)
					if err != nil {
						t.Fatal(err)
					}
					inject(t, in, rule)
					err = change(o)
					inject(t, in)
					for _, half := range list(t, tok, hsm.Filter{ID: o.ID}) {
						if err == nil && bytes.Equal(half.Label, o.Label) {
							t.Errorf("the change is told as done, and the %s is as it was", half.Class)
						}
					}
					if err != nil && !errors.Is(err, fault.Unavailable) && !errors.Is(err, fault.NotFound) {
						t.Errorf("got %v, want the HSM out of order, or no key", err)
					}
				})
			}
		}
	}
}

// TestSecondLook: a key that shows a wrong public key once is not another key.
func TestSecondLook(t *testing.T) {
	s := newShim(t)
	tok := open(t, s, pkcs11.Options{})
	o, err := tok.Generate(t.Context(), hsm.Template{
		ID: []byte("rsa"), Label: []byte("rsa"), Type: keys.RSA, Size: 2048, Ops: keys.OpSign | keys.OpVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	label := []byte("named")
	s.tell(getAttributeValue, corrupt, 1, 0)
	if err := tok.Update(t.Context(), o.Ref(), hsm.Change{Label: &label}); err != nil {
		t.Errorf("a wrong modulus shown once: got %v, want the key changed", err)
	}
	o.Label = label
	s.tell(getAttributeValue, corrupt, always, 0)
	if err := tok.Destroy(t.Context(), o.Ref()); !errors.Is(err, fault.Conflict) {
		t.Errorf("a wrong modulus shown always: got %v, want conflict", err)
	}
	s.tell(getAttributeValue, pass, 0, 0)
}
