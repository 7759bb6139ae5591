package backendtest

import (
	"bytes"
	"testing"

	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// parts: a message in parts is encrypted as a whole one is, and back.
func (s *suite) parts(t *testing.T) {
	k := s.knownAES(t)
	if k == nil {
		return
	}
	plain := []byte("this is not a multiple of any block, and longer than three of them")
	for _, c := range []struct {
		name string
		mode operations.Mode
		ad   []byte
		cut  int
	}{
		{"CBC", operations.CBC, nil, 0},
		{"CBCNOPAD", operations.CBCNoPad, nil, 2},
		{"CTR", operations.CTR, nil, 0},
		{"GCM", operations.GCM, []byte("header"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			plain := plain[:len(plain)-c.cut]
			begin, err := s.try(t, *k, operations.Begin{Mode: c.mode, AD: c.ad})
			if !s.refusals.works(t, "encrypt AES "+c.name+" in parts", err) {
				return
			}
			sealed, end := s.rest(t, *k, false, begin.State, plain, operations.Finish{})
			whole := s.do(t, *k, operations.Encrypt{Mode: c.mode, Plain: plain, IV: begin.IV, AD: c.ad})
			if !bytes.Equal(sealed, whole.Output) || !bytes.Equal(end.Tag, whole.Tag) {
				t.Errorf("encrypted %x with the tag %x, want %x and %x", sealed, end.Tag, whole.Output, whole.Tag)
			}
			opened := s.do(t, *k, operations.Begin{Decrypt: true, Mode: c.mode, IV: begin.IV, AD: c.ad})
			back, _ := s.rest(t, *k, true, opened.State, sealed, operations.Finish{Decrypt: true, Tag: end.Tag})
			if !bytes.Equal(back, plain) {
				t.Errorf("decrypted %q, want %q", back, plain)
			}
		})
	}
}

// rest does the parts after the first call, of 10 bytes each, and the last call.
func (s *suite) rest(t *testing.T, k keys.Key, decrypt bool, state, input []byte, f operations.Finish) (out []byte, end operations.Result) {
	t.Helper()
	for len(input) != 0 {
		n := min(10, len(input))
		res := s.do(t, k, operations.Continue{Decrypt: decrypt, State: state, Input: input[:n]})
		out, state, input = append(out, res.Output...), res.State, input[n:]
	}
	f.State = state
	end = s.do(t, k, f)
	return append(out, end.Output...), end
}
