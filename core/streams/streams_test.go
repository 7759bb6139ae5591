package streams_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/streams"
)

// with is a stream with AES of the standard library, which pads nothing itself.
func with(tb testing.TB) streams.With {
	tb.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte{7}, 16))
	if err != nil {
		tb.Fatal(err)
	}
	return streams.With{
		Key: "key", Type: keys.AES,
		Whole: func(op operations.Operation) (operations.Result, error) {
			if err := operations.Check(op, keys.Key{Type: keys.AES}); err != nil {
				return operations.Result{}, err
			}
			switch op := op.(type) {
			case operations.Encrypt:
				if len(op.IV) == 0 {
					op.IV = bytes.Repeat([]byte{9}, 16)
				}
				out := bytes.Clone(op.Plain)
				switch op.Mode {
				case operations.CTR:
					cipher.NewCTR(block, op.IV).XORKeyStream(out, out)
				case operations.CBC:
					n := 16 - len(out)%16
					out = append(out, bytes.Repeat([]byte{byte(n)}, n)...)
					cipher.NewCBCEncrypter(block, op.IV).CryptBlocks(out, out)
				default:
					cipher.NewCBCEncrypter(block, op.IV).CryptBlocks(out, out)
				}
				return operations.Result{Output: out, IV: op.IV}, nil
			case operations.Decrypt:
				out := bytes.Clone(op.Cipher)
				if op.Mode == operations.CTR {
					cipher.NewCTR(block, op.IV).XORKeyStream(out, out)
				} else {
					cipher.NewCBCDecrypter(block, op.IV).CryptBlocks(out, out)
				}
				if op.Mode == operations.CBC {
					out = out[:len(out)-int(out[len(out)-1])]
				}
				return operations.Result{Output: out}, nil
			default:
				return operations.Result{}, errors.New("no such operation")
			}
		},
	}
}

func TestPartsAreTheWhole(t *testing.T) {
	t.Parallel()
	w := with(t)
	for _, mode := range []operations.Mode{operations.CBC, operations.CBCNoPad, operations.CTR} {
		t.Run(string(mode), rapid.MakeCheck(func(t *rapid.T) {
			plain := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "plain")
			if mode == operations.CBCNoPad {
				plain = plain[:len(plain)/16*16]
			}
			sealed, iv := all(t, w, operations.Begin{Mode: mode}, plain)
			whole, err := w.Whole(operations.Encrypt{Mode: mode, Plain: plain, IV: iv})
			if err != nil || !bytes.Equal(sealed, whole.Output) {
				t.Fatalf("got %x, want %x as a whole; error %v", sealed, whole.Output, err)
			}
			if back, _ := all(t, w, operations.Begin{Decrypt: true, Mode: mode, IV: iv}, sealed); !bytes.Equal(back, plain) {
				t.Fatalf("got %x back, want %x", back, plain)
			}
		}))
	}
}

// all does a message in parts of lengths that are drawn.
func all(t *rapid.T, w streams.With, begin operations.Begin, input []byte) (out, iv []byte) {
	do := func(op operations.Operation) operations.Result {
		res, err := streams.Do(op, w)
		if err != nil {
			t.Fatalf("%s: %v", operations.Name(op), err)
		}
		return res
	}
	res := do(begin)
	iv = res.IV
	state := res.State
	for len(input) != 0 {
		n := rapid.IntRange(0, len(input)).Draw(t, "part")
		res = do(operations.Continue{Decrypt: begin.Decrypt, State: state, Input: input[:n]})
		out, state, input = append(out, res.Output...), res.State, input[n:]
	}
	return append(out, do(operations.Finish{Decrypt: begin.Decrypt, State: state}).Output...), iv
}

func TestTheCounterCarries(t *testing.T) {
	t.Parallel()
	w := with(t)
	iv := append(make([]byte, 7), bytes.Repeat([]byte{0xff}, 9)...) // the lower half is full
	plain := make([]byte, 64)
	whole, err := w.Whole(operations.Encrypt{Mode: operations.CTR, Plain: plain, IV: iv})
	if err != nil {
		t.Fatal(err)
	}
	res, err := streams.Do(operations.Begin{Mode: operations.CTR, IV: iv}, w)
	var out []byte
	for range 4 {
		if err != nil {
			t.Fatal(err)
		}
		res, err = streams.Do(operations.Continue{State: res.State, Input: plain[:16]}, w)
		out = append(out, res.Output...)
	}
	if diff := cmp.Diff(whole.Output, out); diff != "" {
		t.Errorf("output (-whole +parts):\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := with(t)
	lost := fault.New(fault.Unavailable, "lost")
	failing := w
	failing.Whole = func(operations.Operation) (operations.Result, error) { return operations.Result{}, lost }
	short := w
	short.Whole = func(operations.Operation) (operations.Result, error) { return operations.Result{}, nil }
	res, err := streams.Do(operations.Begin{Mode: operations.CBC}, w)
	if err != nil {
		t.Fatal(err)
	}
	part := operations.Continue{State: res.State, Input: make([]byte, 16)}
	for name, c := range map[string]struct {
		op   operations.Operation
		with streams.With
		want fault.Kind
	}{
		"GCM":                          {operations.Begin{Mode: operations.GCM}, w, fault.Unsupported},
		"a state of GCM":               {operations.Continue{State: streams.State{Key: "key", Mode: operations.GCM, IV: make([]byte, 12), Sum: make([]byte, 16)}.Bytes()}, w, fault.Unsupported},
		"a state of an unknown mode":   {operations.Continue{State: streams.State{Key: "key", Mode: "XTS"}.Bytes()}, w, fault.Invalid},
		"a whole message":              {operations.Encrypt{Mode: operations.CBC}, w, fault.Internal},
		"a key that fails":             {part, failing, fault.Unavailable},
		"a key that loses bytes":       {part, short, fault.Internal},
		"a state of another direction": {operations.Finish{Decrypt: true, State: res.State}, w, fault.Invalid},
	} {
		if _, err := streams.Do(c.op, c.with); err == nil || fault.KindOf(err) != c.want {
			t.Errorf("%s: got error %v, want kind %q", name, err, c.want)
		}
	}
}

// FuzzRead: what reads as a state reads as the same again.
func FuzzRead(f *testing.F) {
	f.Add(streams.State{Key: "key", Mode: operations.CBC, IV: make([]byte, 16), Held: []byte("x")}.Bytes())
	f.Add(streams.State{Key: "key", Mode: operations.CTR, IV: make([]byte, 16), Done: 7}.Bytes())
	f.Add(streams.State{Key: "key", Mode: operations.GCM, IV: make([]byte, 12), Sum: make([]byte, 16), AD: 3}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := streams.Read(b, "key", keys.AES, false)
		if err != nil {
			return
		}
		again, err := streams.Read(s.Bytes(), "key", keys.AES, false)
		if diff := cmp.Diff(s, again, cmp.Transformer("bytes", func(b []byte) string { return string(b) })); diff != "" || err != nil {
			t.Errorf("error %v (-first +again):\n%s", err, diff)
		}
		if s.Mode == operations.GCM {
			return
		}
		if _, err := streams.Do(operations.Continue{State: b, Input: []byte("a part of a message")}, with(t)); err != nil {
			t.Errorf("a state that reads does not go on: %v", err)
		}
	})
}
