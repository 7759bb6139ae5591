package softkeys_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// TestParts: however a message is cut into parts, what comes out is that of the
// whole message, both ways.
func TestParts(t *testing.T) {
	d := newDesk(t)
	kinds := map[string]keys.Key{
		"AES 128":  d.generate(t, keys.Spec{Type: keys.AES, Size: 128}),
		"AES 256":  d.generate(t, keys.Spec{Type: keys.AES, Size: 256}),
		"DES3 168": d.generate(t, keys.Spec{Type: keys.DES3, Size: 168}),
	}
	for kind, k := range kinds {
		for _, mode := range []operations.Mode{operations.CBC, operations.CBCNoPad, operations.CTR, operations.GCM} {
			if k.Type == keys.DES3 && mode != operations.CBC && mode != operations.CBCNoPad {
				continue
			}
			t.Run(fmt.Sprintf("%s %s", kind, mode), rapid.MakeCheck(func(rt *rapid.T) {
				plain := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(rt, "plain")
				if mode == operations.CBCNoPad {
					plain = plain[:len(plain)/16*16]
				}
				begin := operations.Begin{Mode: mode}
				finish := operations.Finish{}
				if mode == operations.GCM {
					begin.AD = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "ad")
					finish.TagBits = rapid.SampledFrom([]int{0, 96, 104, 112, 120, 128}).Draw(rt, "tag")
				}
				sealed, iv, end := d.inParts(t, rt, k, begin, finish, plain)
				whole := d.must(t, k, operations.Encrypt{Mode: mode, Plain: plain, IV: iv, AD: begin.AD})
				if !bytes.Equal(whole.Output, sealed) {
					rt.Fatalf("encrypted %x in parts, %x as a whole", sealed, whole.Output)
				}
				if mode == operations.GCM && !bytes.HasPrefix(whole.Tag, end.Tag) {
					rt.Fatalf("got the tag %x in parts, %x as a whole", end.Tag, whole.Tag)
				}
				begin.Decrypt, begin.IV = true, iv
				back, _, _ := d.inParts(t, rt, k, begin, operations.Finish{Decrypt: true, Tag: end.Tag}, sealed)
				if !bytes.Equal(back, plain) {
					rt.Fatalf("decrypted %x, want %x", back, plain)
				}
			}))
		}
	}
}

// inParts does a message in parts of lengths that are drawn.
func (d *desk) inParts(t *testing.T, rt *rapid.T, k keys.Key, begin operations.Begin, finish operations.Finish, input []byte) (out, iv []byte, end operations.Result) {
	t.Helper()
	res := d.must(t, k, begin)
	iv, state := res.IV, res.State
	for len(input) != 0 {
		n := rapid.IntRange(0, len(input)).Draw(rt, "part")
		res = d.must(t, k, operations.Continue{Decrypt: begin.Decrypt, State: state, Input: input[:n]})
		out, state, input = append(out, res.Output...), res.State, input[n:]
	}
	finish.State = state
	end = d.must(t, k, finish)
	return append(out, end.Output...), iv, end
}

// TestLongParts: a part is as long as an input may be, and the counter goes on.
func TestLongParts(t *testing.T) {
	d := newDesk(t)
	k := d.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	part := bytes.Repeat([]byte("not a multiple of any block"), operations.MaxInput/27)
	for _, mode := range []operations.Mode{operations.CBC, operations.CTR, operations.GCM} {
		// The counter that begins with this overflows at once.
		iv := bytes.Repeat([]byte{0xff}, mode.IVSize(16))
		res := d.must(t, k, operations.Begin{Mode: mode, IV: iv})
		out := []byte{}
		for range 3 {
			res = d.must(t, k, operations.Continue{State: res.State, Input: part})
			out = append(out, res.Output...)
		}
		end := d.must(t, k, operations.Finish{State: res.State})
		out = append(out, end.Output...)
		opened := d.must(t, k, operations.Begin{Decrypt: true, Mode: mode, IV: iv})
		back := d.must(t, k, operations.Continue{Decrypt: true, State: opened.State, Input: out[:operations.MaxInput]})
		if !bytes.HasPrefix(bytes.Repeat(part, 3), back.Output) || len(back.Output) < operations.MaxInput-16 {
			t.Errorf("%s: got %d bytes that are not those encrypted", mode, len(back.Output))
		}
	}
}

// TestPartsRefused: what is wrong with the end of a message is one error, and a
// state works with its key and direction alone.
func TestPartsRefused(t *testing.T) {
	d := newDesk(t)
	k, other := d.generate(t, keys.Spec{Type: keys.AES, Size: 256}), d.generate(t, keys.Spec{Type: keys.AES, Size: 256})
	begun := func(mode operations.Mode, decrypt bool, input int) []byte {
		t.Helper()
		op := operations.Begin{Decrypt: decrypt, Mode: mode}
		if decrypt {
			op.IV = make([]byte, mode.IVSize(16))
		}
		state := d.must(t, k, op).State
		return d.must(t, k, operations.Continue{Decrypt: decrypt, State: state, Input: make([]byte, input)}).State
	}
	for name, c := range map[string]struct {
		op   operations.Operation
		want error
	}{
		"a wrong tag":             {operations.Finish{Decrypt: true, State: begun(operations.GCM, true, 20), Tag: make([]byte, 16)}, operations.DecryptRefused(nil)},
		"wrong padding":           {operations.Finish{Decrypt: true, State: begun(operations.CBC, true, 16)}, operations.DecryptRefused(nil)},
		"half a block":            {operations.Finish{Decrypt: true, State: begun(operations.CBC, true, 24)}, operations.DecryptRefused(nil)},
		"nothing":                 {operations.Finish{Decrypt: true, State: begun(operations.CBC, true, 0)}, operations.DecryptRefused(nil)},
		"no tag":                  {operations.Finish{Decrypt: true, State: begun(operations.GCM, true, 20)}, fault.New(fault.Invalid, "tag is required in this mode")},
		"half a block of a whole": {operations.Finish{State: begun(operations.CBCNoPad, false, 24)}, fault.New(fault.Invalid, "all parts together must be whole blocks of 16 bytes in this mode")},
		"a tag without use":       {operations.Finish{Decrypt: true, State: begun(operations.CTR, true, 24), Tag: make([]byte, 16)}, fault.New(fault.Invalid, "tag and tag_len are for GCM only")},
		"the other direction":     {operations.Continue{State: begun(operations.GCM, true, 20)}, operations.ErrState()},
		"no state":                {operations.Continue{State: []byte("{}")}, operations.ErrState()},
		"a long iv":               {operations.Begin{Mode: operations.GCM, IV: make([]byte, 16)}, fault.New(fault.Unsupported, "GCM in parts takes an iv of 12 bytes")},
		"another mode":            {operations.Begin{Mode: operations.CCM}, fault.New(fault.Unsupported, "mode CCM does not work in parts; use CBC, CBCNOPAD, CTR or GCM")},
		"a short tag":             {operations.Finish{State: begun(operations.GCM, false, 1), TagBits: 64}, fault.New(fault.Unsupported, "GCM in an ordinary group takes a tag_len of 96 to 128")},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := d.use(t, k, c.op)
			if err == nil || fault.Message(err) != fault.Message(c.want) || fault.KindOf(err) != fault.KindOf(c.want) {
				t.Errorf("got error %v, want %v", err, c.want)
			}
			if diff := cmp.Diff(operations.Result{}, res); diff != "" {
				t.Errorf("a refusal gives something (-want +got):\n%s", diff)
			}
		})
	}
	_, err := d.use(t, other, operations.Finish{State: begun(operations.CBC, false, 3)})
	if !errors.Is(err, fault.Invalid) || fault.Message(err) != fault.Message(operations.ErrState()) {
		t.Errorf("another key's state: got error %v", err)
	}
}
