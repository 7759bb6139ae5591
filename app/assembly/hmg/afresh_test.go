package hmg_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/app/assembly/hmg"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/faultp11"
	"gatehouse/simulators/softtoken"
)

// TestUnnoticedKey has SoftHSM2 keep a key from the gateway that is there: whoever
// makes one writes the object's file first, and then the token's generation, by
// which the others notice. Between the two a process can be killed.
func TestUnnoticedKey(t *testing.T) {
	dir := t.TempDir()
	st, err := softtoken.SoftHSM(dir, "unnoticed", "1234")
	softtoken.Need(t, err)
	if err := st.Setenv(); err != nil {
		t.Fatal(err)
	}
	open := func() token.Token {
		t.Helper()
		tok, err := workers(t, hmg.LibraryConfig{Library: st.Lib, Sessions: 2}).Open(t.Context(), st.Slot, secret.FromString(st.PIN))
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	closed := func(tok token.Token) {
		t.Helper()
		if err := tok.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
	id := []byte("k")
	found := func(tok token.Token, afresh bool) (n int) {
		t.Helper()
		if err := tok.Inventory(t.Context(), hsm.Filter{ID: id, Afresh: afresh}, func(hsm.Object) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}

	serving := open()
	defer closed(serving)
	if n := found(serving, false); n != 0 {
		t.Fatalf("got %d keys in a new token", n)
	}
	noted := generations(t, dir)
	killed := open()
	defer closed(killed)
	if _, err := killed.Generate(t.Context(), hsm.Template{Type: keys.AES, Size: 256, ID: id, Label: id, Ops: keys.OpEncrypt}); err != nil {
		t.Fatal(err)
	}
	for path, generation := range noted {
		if err := os.WriteFile(path, generation, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := found(serving, false); n != 0 {
		t.Errorf("got %d keys, want the new one not to be noticed: SoftHSM2 does not work as this test supposes", n)
	}
	if n := found(serving, true); n != 1 {
		t.Errorf("got %d keys of an inventory afresh, want the new one", n)
	}
	if err := serving.Destroy(t.Context(), hsm.Ref{Class: hsm.SecretKey, Type: keys.AES, ID: id, Label: id}); err != nil {
		t.Errorf("destroying the key that was found: %v", err)
	}
	after := open()
	defer closed(after)
	if n := found(after, false); n != 0 {
		t.Errorf("got %d keys, want the key to be gone", n)
	}
}

// generations returns the files in which the tokens below dir count their changes.
func generations(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Name() == "generation" {
			files[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d tokens' generations: %v", len(files), err)
	}
	return files
}

// TestLoginCutOff ends the request in which a worker logs in: SoftHSM2 writes its
// token's file anew at a login, and has lost the token when it is killed meanwhile.
func TestLoginCutOff(t *testing.T) {
	dir := t.TempDir()
	st, err := softtoken.SoftHSM(dir, "cut off", "1234")
	softtoken.Need(t, err)
	faults, err := faultp11.Wrap(filepath.Join(dir, "faults"), st.Lib, st.Env...)
	softtoken.Need(t, err)
	st.Lib = faults.Lib
	if err := st.Setenv(); err != nil {
		t.Fatal(err)
	}
	lib := workers(t, hmg.LibraryConfig{Library: st.Lib, Sessions: 2})
	if err := faults.Set("C_Login -> delay 3s"); err != nil {
		t.Fatal(err)
	}
	for n, c := range []struct {
		pin  string
		want fault.Reason
	}{
		{st.PIN, fault.TimedOut},
		{"wrong", fault.PINIncorrect}, // which who asked must know all the same
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // for a worker to start and to begin logging in
		_, err := lib.Open(ctx, st.Slot, secret.FromString(c.pin))
		cancel()
		if fault.ReasonOf(err) != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
		counts, err := faults.Counts()
		if err != nil {
			t.Fatal(err)
		}
		if login := counts["C_Login"]; login.Calls != uint64(n+1) || login.Pending() != 0 {
			t.Errorf("of %d logins %d did not return, want %d that did", login.Calls, login.Pending(), n+1)
		}
	}
}
