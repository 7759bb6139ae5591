package hmgwire_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// FuzzFrame: what is read as frames is, framed again, the same bytes.
func FuzzFrame(f *testing.F) {
	var buf bytes.Buffer
	for i, m := range []any{nil, &hmgwire.Scope{Handle: 1}, hmgwire.NewOpen(1, secret.FromString("1"), false)} {
		if err := hmgwire.Append(&buf, hmgwire.KindCheck, uint64(i), m); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := hmgwire.NewReader(bytes.NewReader(data), hmgwire.MaxFirstFrame, nil, nil)
		var again bytes.Buffer
		for {
			frame, err := r.Next()
			if err != nil {
				break
			}
			head := binary.BigEndian.AppendUint32(nil, uint32(9+len(frame.Body)))
			head = binary.BigEndian.AppendUint64(append(head, byte(frame.Kind)), frame.ID)
			again.Write(append(head, frame.Body...))
		}
		if !bytes.HasPrefix(data, again.Bytes()) {
			t.Errorf("read %x, framed again it is %x", data, again.Bytes())
		}
	})
}

// FuzzMessages: what is decoded as a message is, encoded and decoded again, the
// same message, and the encoding does not change any more.
func FuzzMessages(f *testing.F) {
	messages := []func() any{
		func() any { return new(hmgwire.Hello) },
		func() any { return new(hmgwire.Open) },
		func() any { return new(hmgwire.Opened) },
		func() any { return new(hmgwire.Scope) },
		func() any { return new(hmgwire.Inventory) },
		func() any { return new(hmgwire.Objects) },
		func() any { return new(hmgwire.Credit) },
		func() any { return new(hmgwire.Generate) },
		func() any { return new(hmgwire.Import) },
		func() any { return new(hmgwire.Operate) },
		func() any { return new(hmgwire.Update) },
		func() any { return new(hmgwire.Destroy) },
		func() any { return new(hmgwire.Info) },
		func() any { return new(hmgwire.Result) },
		func() any { return new(hmgwire.Refusal) },
		func() any { return new(hmgwire.Object) },
		func() any { return new(hmgwire.Wrap) },
		func() any { return new(hmgwire.Make) },
	}
	for i, m := range messages {
		f.Add(uint8(i), encode(f, m()))
	}
	label := []byte("l")
	f.Add(uint8(9), encode(f, &hmgwire.Operate{Operation: hmgwire.Operation{Name: "sign", Input: []byte{1}, Prehashed: true, TagBits: 96}}))
	f.Add(uint8(10), encode(f, &hmgwire.Update{Label: &label}))
	f.Add(uint8(14), encode(f, hmgwire.NewRefusal(fault.New(fault.Invalid, "no"))))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		make := messages[int(which)%len(messages)]
		first := make()
		if hmgwire.Decode(body, first) != nil {
			return
		}
		once := encode(t, first)
		second := make()
		if err := hmgwire.Decode(once, second); err != nil {
			t.Fatalf("%x is decoded as %+v, whose encoding %x is not: %v", body, first, once, err)
		}
		if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-decoded +again:\n%s", diff)
		}
		if twice := encode(t, second); !bytes.Equal(once, twice) {
			t.Errorf("encoded %x, and again %x", once, twice)
		}
		switch m := first.(type) { // no value of the domain may come out of nonsense by a panic
		case *hmgwire.Operate:
			_, _ = m.Ref.Ref()
			_, _ = m.Operation.Operation()
		case *hmgwire.Make:
			_, _ = m.Operation.Operation()
		case *hmgwire.Generate:
			_, _ = m.Template.Template()
		case *hmgwire.Object:
			_ = m.Object()
		case *hmgwire.Refusal:
			_ = m.Err().Error()
		case *hmgwire.Info:
			_ = m.Info()
		}
	})
}

// FuzzFast: what is decoded by hand is what the codec decodes.
func FuzzFast(f *testing.F) {
	f.Add(encode(f, &hmgwire.Operate{Operation: hmgwire.Operation{Name: "decrypt", Input: []byte{1}, IV: []byte{}, TagBits: 96}}))
	f.Add(encode(f, &hmgwire.Operate{Ref: hmgwire.Ref{Class: "private key", ID: []byte{1}}, Operation: hmgwire.Operation{Name: "sign", Prehashed: true}}))
	f.Add(encode(f, &hmgwire.Result{Output: bytes.Repeat([]byte{1}, 300), Valid: true}))
	modes, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: 8, MaxArrayElements: 4096, MaxMapPairs: 64,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var operate, wantOperate hmgwire.Operate
		got, want := hmgwire.Decode(body, &operate), modes.Unmarshal(body, &wantOperate)
		if (got == nil) != (want == nil) || got == nil && cmp.Diff(wantOperate, operate) != "" {
			t.Errorf("operate: got %+v (%v), the codec decodes %+v (%v)", operate, got, wantOperate, want)
		}
		if got == nil {
			plain, err := cbor.Marshal(&operate)
			if err != nil {
				t.Fatal(err)
			}
			var back hmgwire.Operate
			if err := modes.Unmarshal(encode(t, &operate), &back); err != nil || cmp.Diff(operate, back, cmpopts.EquateEmpty()) != "" {
				t.Errorf("encoded %x, the codec writes %x (%v)", encode(t, &operate), plain, err)
			}
		}
		var result, wantResult hmgwire.Result
		got, want = hmgwire.Decode(body, &result), modes.Unmarshal(body, &wantResult)
		if (got == nil) != (want == nil) || got == nil && cmp.Diff(wantResult, result) != "" {
			t.Errorf("result: got %+v (%v), the codec decodes %+v (%v)", result, got, wantResult, want)
		}
	})
}
