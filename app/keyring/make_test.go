package keyring_test

import (
	"strings"
	"testing"

	"gatehouse/app/internal/apptest"
	"gatehouse/app/keyring"
	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/simulators/storesim"
	"gatehouse/simulators/tokensim"
)

// tools are keys that make others: in the HSM, and outside of it.
type tools struct{ kek, ours, theirs, local keys.Key }

func (w *world) tools() tools {
	w.t.Helper()
	leaves := aes("kek")
	leaves.Ops = keys.DefaultOps(keys.AES, "") | keys.OpExport
	outside := leaves
	outside.Name = "kek outside"
	return tools{
		kek: w.generate(w.slot, leaves), ours: w.generate(w.slot, ec("ours")), theirs: w.generate(w.slot, ec("theirs")),
		local: w.generate(w.local, outside),
	}
}

// wrapped returns a key wrapped with itself.
func (w *world) wrapped(k keys.Key) []byte {
	w.t.Helper()
	d := keyring.Descriptor{ID: k.ID}
	r, err := w.Keyring.Wrap(w.ctx, w.app, d, d, func(keys.Key) (operations.Wrap, error) { return operations.Wrap{Mode: operations.KWP}, nil })
	if err != nil {
		w.t.Fatalf("wrapping %s: %v", k.Name, err)
	}
	return r.Output
}

// makeWith makes a key of a name in the HSM group, of what op makes.
func (w *world) makeWith(base keys.Key, name string, op operations.Operation) error {
	_, err := w.Keyring.Make(w.ctx, w.app, keyring.Descriptor{ID: base.ID}, keyring.Order{Group: w.slot.ID, Spec: aes(name)},
		func(keys.Key, keys.Key) (operations.Operation, error) { return op, nil })
	return err
}

// Whenever the process dies while a key is made with another, recovery leaves
// no key that nobody knows, and no record of a key that is not there.
func TestCrashWhileAKeyIsMadeWithAnother(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name string
		call tokensim.Call
		make func(w *world, k tools) func(name string) error
	}{
		{"unwrapping in the HSM", tokensim.Unwrap, func(w *world, k tools) func(string) error {
			blob := w.wrapped(k.kek)
			return func(name string) error {
				return w.makeWith(k.kek, name, operations.Unwrap{Mode: operations.KWP, Wrapped: blob})
			}
		}},
		{"agreeing in the HSM", tokensim.Derive, func(w *world, k tools) func(string) error {
			return func(name string) error {
				return w.makeWith(k.ours, name, operations.Agree{PeerPublicKey: k.theirs.PublicKey})
			}
		}},
		{"unwrapping outside into the HSM", tokensim.Import, func(w *world, k tools) func(string) error {
			blob := w.wrapped(k.local)
			return func(name string) error {
				return w.makeWith(k.local, name, operations.Unwrap{Mode: operations.KWP, Wrapped: blob})
			}
		}},
	} {
		for _, c := range []struct {
			name string
			kill func(w *world)
			want int // keys, once it was recovered
		}{
			{"before the order is written down", func(w *world) { w.dieAt("BeginIntent", false) }, 0},
			{"once it is written down", func(w *world) { w.dieAt("BeginIntent", true) }, 0},
			{"once the token is changed", func(w *world) { w.dieIn(how.call) }, 1},
			{"before the key is recorded", func(w *world) { w.dieAt("AddKey", false) }, 1},
			{"once the key is recorded", func(w *world) { w.dieAt("AddKey", true) }, 1},
		} {
			t.Run(how.name+" "+c.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, groups.Policy{})
				makes := how.make(w, w.tools())
				before := len(w.recorded())
				c.kill(w)
				if makes("made") == nil {
					t.Fatal("got a key from a process that is dead")
				}
				w.comesBack(t)
				if got := len(w.recorded()) - before; got != c.want {
					t.Errorf("got %d keys, want %d", got, c.want)
				}
				w.wantAgreement(0)
				want := fault.Kind("")
				if c.want == 1 {
					want = fault.Conflict
				}
				apptest.Want(t, "making it again", makes("made"), want)
			})
		}
	}
}

// What leaves wrapped is in the log before it leaves and after, with both keys;
// when that cannot be written nothing leaves.
func TestWrapIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, groups.Policy{})
	k := w.tools()
	w.wrapped(k.local)
	var got []audit.Outcome
	err := w.Store.EachAudit(w.ctx, 1, func(r audit.Record) error {
		if r.Action == "key wrap" && r.Object == string(k.local.ID) && strings.Contains(r.Detail, string(k.local.ID)) {
			got = append(got, r.Outcome)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != audit.Begun || got[1] != audit.Done {
		t.Errorf("got records %v, want begun and done", got)
	}
	d := keyring.Descriptor{ID: k.local.ID}
	w.Store.Fail(storesim.Fault{Call: "AppendAudit", Stays: true, Err: storesim.Lost()})
	r, err := w.Keyring.Wrap(w.ctx, w.app, d, d, func(keys.Key) (operations.Wrap, error) { return operations.Wrap{Mode: operations.KWP}, nil })
	apptest.Want(t, "wrapping without a log", err, fault.Unavailable)
	if len(r.Output) != 0 {
		t.Error("the wrapped key left all the same")
	}
}
