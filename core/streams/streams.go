// Package streams makes of a message in parts (operations.Begin, Continue and
// Finish) operations on whole messages, by handing on the initialisation vector.
//
// It guarantees that any division into parts gives the output of the message as
// a whole, whoever does the whole operations: a key in memory or a token. The
// backends use it. Functions are pure but for what they are given, and may be
// called at once.
//
// GCM is not among its modes: a tag cannot be put together from tags of parts.
package streams

import (
	"encoding/binary"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// With is what a stream needs of its key.
type With struct {
	Key  id.Key
	Type keys.Type

	// Whole does an operations.Encrypt or Decrypt with the key, and makes the
	// initialisation vector where there is none.
	Whole func(operations.Operation) (operations.Result, error)
}

// InParts reports whether op is of a message in parts.
func InParts(op operations.Operation) bool {
	switch op.(type) {
	case operations.Begin, operations.Continue, operations.Finish:
		return true
	default:
		return false
	}
}

// ModeOf returns the mode of the message that op is of. Errors as Read.
func ModeOf(op operations.Operation, k id.Key, t keys.Type) (operations.Mode, error) {
	s, err := State{}, error(nil)
	switch op := op.(type) {
	case operations.Begin:
		return op.Mode, nil
	case operations.Continue:
		s, err = Read(op.State, k, t, op.Decrypt)
	case operations.Finish:
		s, err = Read(op.State, k, t, op.Decrypt)
	default:
		err = fault.New(fault.Internal, "a %s that is not of a message in parts", operations.Name(op))
	}
	return s.Mode, err
}

// chunk is how many bytes one whole operation does at most. It is whole blocks
// of every cipher.
const chunk = operations.MaxInput / 2

// Do does op, which operations.Check has found fit for the key. fault.Invalid
// for a state that is not this key's, fault.Unsupported for other modes than
// CBC, CBCNoPad and CTR.
func Do(op operations.Operation, w With) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Begin:
		return begin(op, w)
	case operations.Continue:
		s, err := Read(op.State, w.Key, w.Type, op.Decrypt)
		if err != nil {
			return operations.Result{}, err
		}
		return s.proceed(op.Input, w)
	case operations.Finish:
		s, err := Read(op.State, w.Key, w.Type, op.Decrypt)
		if err != nil {
			return operations.Result{}, err
		}
		return s.finish(op, w)
	default:
		return operations.Result{}, fault.New(fault.Internal, "a %s that is not of a message in parts", operations.Name(op))
	}
}

func begin(op operations.Begin, w With) (operations.Result, error) {
	s := State{Key: w.Key, Decrypt: op.Decrypt, Mode: op.Mode, IV: op.IV}
	if err := s.known(); err != nil {
		return operations.Result{}, err
	}
	if len(s.IV) == 0 {
		// Whoever does the whole has randomness. So a key that cannot do this
		// mode says so at once, too. Nobody sees the block that is encrypted.
		res, err := w.Whole(operations.Encrypt{Mode: op.Mode, Plain: make([]byte, operations.BlockSize(w.Type))})
		if err != nil {
			return operations.Result{}, err
		}
		s.IV = res.IV
	}
	res := operations.Result{State: s.Bytes()}
	if !op.Decrypt {
		res.IV = append([]byte(nil), s.IV...)
	}
	return res, nil
}

// known refuses modes that are not done here.
func (s State) known() error {
	switch s.Mode {
	case operations.CBC, operations.CBCNoPad, operations.CTR:
		return nil
	default:
		return fault.New(fault.Unsupported, "mode %s in parts is not supported by this kind of group", s.Mode)
	}
}

func (s State) proceed(input []byte, w With) (operations.Result, error) {
	if err := s.known(); err != nil {
		return operations.Result{}, err
	}
	var out []byte
	for len(input) != 0 {
		n := min(len(input), chunk)
		step := s.blocks
		if s.Mode == operations.CTR {
			step = s.counted
		}
		part, next, err := step(input[:n], w)
		if err != nil {
			return operations.Result{}, err
		}
		out, s, input = append(out, part...), next, input[n:]
	}
	return operations.Result{Output: out, State: s.Bytes()}, nil
}

// blocks does as many whole blocks as there are now in CBC, and keeps the rest.
// Of a ciphertext with padding it keeps the last block, which may hold that.
func (s State) blocks(input []byte, w With) ([]byte, State, error) {
	size := operations.BlockSize(w.Type)
	all := append(append([]byte(nil), s.Held...), input...)
	n := len(all) / size * size
	if s.Decrypt && s.Mode == operations.CBC && n == len(all) && n != 0 {
		n -= size
	}
	s.Held = all[n:]
	if n == 0 {
		return nil, s, nil
	}
	out, err := s.whole(operations.CBCNoPad, all[:n], s.IV, w)
	if err != nil {
		return nil, s, err
	}
	chain := out
	if s.Decrypt {
		chain = all[:n]
	}
	s.IV = chain[n-size:]
	return out, s, nil
}

// counted does a part in CTR. The key stream goes on within a block: that much
// of it is made again and thrown away.
func (s State) counted(input []byte, w With) ([]byte, State, error) {
	const size = 16 // CTR is for AES alone
	skip := int(s.Done % size)
	padded := make([]byte, skip+len(input))
	copy(padded[skip:], input)
	out, err := s.whole(operations.CTR, padded, counter(s.IV, s.Done/size), w)
	if err != nil {
		return nil, s, err
	}
	s.Done += uint64(len(input))
	return out[skip:], s, nil
}

// counter returns the counter block that is n blocks behind first (NIST SP
// 800-38A, B.1, over the whole block).
func counter(first []byte, n uint64) []byte {
	high, low := binary.BigEndian.Uint64(first[:8]), binary.BigEndian.Uint64(first[8:])
	if low+n < low {
		high++
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, high), low+n)
}

func (s State) finish(op operations.Finish, w With) (operations.Result, error) {
	if err := s.known(); err != nil {
		return operations.Result{}, err
	}
	if len(op.Tag) != 0 || op.TagBits != 0 {
		return operations.Result{}, fault.New(fault.Invalid, "tag and tag_len are for GCM only")
	}
	switch s.Mode {
	case operations.CBC:
		if s.Decrypt && len(s.Held) != operations.BlockSize(w.Type) {
			return operations.Result{}, operations.DecryptRefused(nil)
		}
		out, err := s.whole(operations.CBC, s.Held, s.IV, w)
		return operations.Result{Output: out}, err
	case operations.CBCNoPad:
		if len(s.Held) != 0 {
			return operations.Result{}, fault.New(fault.Invalid, "all parts together must be whole blocks of %d bytes in this mode", operations.BlockSize(w.Type))
		}
	default: // all is done
	}
	return operations.Result{}, nil
}

func (s State) whole(m operations.Mode, input, iv []byte, w With) ([]byte, error) {
	var op operations.Operation = operations.Encrypt{Mode: m, Plain: input, IV: iv}
	if s.Decrypt {
		op = operations.Decrypt{Mode: m, Cipher: input, IV: iv}
	}
	res, err := w.Whole(op)
	if err != nil {
		return nil, err
	}
	if want := len(input); m != operations.CBC && len(res.Output) != want {
		return nil, fault.New(fault.Internal, "%d bytes became %d", want, len(res.Output))
	}
	return res.Output, nil
}
