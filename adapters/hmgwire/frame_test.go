package hmgwire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	bodies := [][]byte{nil, make([]byte, 10), make([]byte, 70<<10), make([]byte, 1<<20), {1}}
	var sent bytes.Buffer
	for i, b := range bodies {
		if err := hmgwire.Append(&sent, hmgwire.KindImport, uint64(i), &hmgwire.Import{Material: b}); err != nil {
			t.Fatal(err)
		}
	}
	for name, way := range map[string]func(io.Reader) io.Reader{
		"at once":      func(r io.Reader) io.Reader { return r },
		"by halves":    iotest.HalfReader,
		"byte by byte": iotest.OneByteReader,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, whole := 0, 0
			r := hmgwire.NewReader(way(bytes.NewReader(sent.Bytes())), hmgwire.MaxFrame, func() { begun++ }, func() { whole++ })
			for i, b := range bodies {
				f, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				var m hmgwire.Import
				if err := hmgwire.Decode(f.Body, &m); err != nil {
					t.Fatal(err)
				}
				if f.Kind != hmgwire.KindImport || f.ID != uint64(i) || len(m.Material) != len(b) {
					t.Errorf("frame %d: got kind %d, id %d, %d bytes, want %d bytes", i, f.Kind, f.ID, len(m.Material), len(b))
				}
			}
			if _, err := r.Next(); err != io.EOF { //nolint:errorlint // the contract: io.EOF itself
				t.Errorf("at the end, got %v, want io.EOF", err)
			}
			if whole > begun || begun > whole+1 || begun == 0 && name != "at once" {
				t.Errorf("told of %d frames that began and %d that were whole", begun, whole)
			}
		})
	}
}

func TestFrameThatIsNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bytes []byte
		frame bool // the error is ErrFrame
	}{
		"HTTP":             {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), true},
		"too long":         {binary.BigEndian.AppendUint32(nil, hmgwire.MaxFrame+1), false},
		"too long, longer": {append(binary.BigEndian.AppendUint32(nil, hmgwire.MaxFrame+1), make([]byte, 20)...), true},
		"too short":        {append(binary.BigEndian.AppendUint32(nil, 8), make([]byte, 20)...), true},
		"cut in its head":  {[]byte{0, 0}, false},
		"cut in its body":  {append(binary.BigEndian.AppendUint32(nil, 30), make([]byte, 20)...), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := hmgwire.NewReader(bytes.NewReader(c.bytes), hmgwire.MaxFrame, nil, nil).Next()
			var e hmgwire.ErrFrame
			switch {
			case c.frame && !errors.As(err, &e):
				t.Errorf("got %v, want ErrFrame", err)
			case !c.frame && !errors.Is(err, io.ErrUnexpectedEOF):
				t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
			}
		})
	}
}

// TestPromisesCostNothing: what a length promises is not taken before it comes.
func TestPromisesCostNothing(t *testing.T) {
	promise := append(binary.BigEndian.AppendUint32(nil, hmgwire.MaxFrame), make([]byte, 9)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		if _, err := hmgwire.NewReader(bytes.NewReader(promise), hmgwire.MaxFrame, nil, nil).Next(); err == nil {
			t.Fatal("got a frame")
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / 20; got > 256<<10 {
		t.Errorf("a promise of %d bytes took %d", hmgwire.MaxFrame, got)
	}
}

func TestAppendRefusesWhatIsTooLong(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	buf.WriteString("before")
	for _, m := range []any{
		&hmgwire.Import{Material: make([]byte, hmgwire.MaxFrame)},
		&hmgwire.Operate{Operation: hmgwire.Operation{Input: make([]byte, hmgwire.MaxFrame)}},
	} {
		if err := hmgwire.Append(&buf, hmgwire.KindImport, 1, m); !errors.Is(err, fault.Invalid) {
			t.Errorf("got %v, want invalid", err)
		}
	}
	if buf.String() != "before" {
		t.Errorf("%d bytes were left behind", buf.Len())
	}
}
