package softkeys

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"

	polyval "github.com/tink-crypto/tink-go/v2/aead/subtle"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/streams"
)

// noParts is embedded by keys that do not encrypt in parts.
type noParts struct{}

func (noParts) inParts(_ id.Key, op operations.Operation) (operations.Result, error) { //nolint:unparam // as key has it
	return operations.Result{}, misfit(op)
}

// inParts does op of a message in parts. GCM is CTR and GHASH (NIST SP 800-38D,
// 7), both from libraries, because none has GCM that can be interrupted.
func (k *blockKey) inParts(kid id.Key, op operations.Operation) (operations.Result, error) {
	mode, err := streams.ModeOf(op, kid, k.kind)
	if err != nil {
		return operations.Result{}, err
	}
	if mode != operations.GCM {
		return streams.Do(op, streams.With{Key: kid, Type: k.kind, Whole: k.operate})
	}
	switch op := op.(type) {
	case operations.Begin:
		return k.beginGCM(kid, op)
	case operations.Continue:
		return k.continueGCM(kid, op)
	case operations.Finish:
		return k.finishGCM(kid, op)
	default:
		return operations.Result{}, misfit(op)
	}
}

// maxGCM is how many bytes GCM encrypts under one IV (NIST SP 800-38D, 5.2.1.1).
const maxGCM = 1<<36 - 32

func (k *blockKey) beginGCM(kid id.Key, op operations.Begin) (operations.Result, error) {
	if k.kind != keys.AES {
		return operations.Result{}, misfit(op)
	}
	iv := op.IV
	if len(iv) == 0 {
		iv = randomBytes(usualIV)
	}
	if len(iv) != usualIV {
		return operations.Result{}, fault.New(fault.Unsupported, "GCM in parts takes an iv of %d bytes", usualIV)
	}
	h, err := k.ghash()
	if err != nil {
		return operations.Result{}, err
	}
	s := streams.State{Key: kid, Decrypt: op.Decrypt, Mode: operations.GCM, IV: iv, AD: uint64(len(op.AD))}
	s.Sum, err = h.add(make([]byte, ghashBlock), wholeBlocks(op.AD))
	if err != nil {
		return operations.Result{}, err
	}
	res := operations.Result{State: s.Bytes()}
	if !op.Decrypt {
		res.IV = append([]byte(nil), iv...)
	}
	return res, nil
}

func (k *blockKey) continueGCM(kid id.Key, op operations.Continue) (operations.Result, error) {
	s, err := streams.Read(op.State, kid, k.kind, op.Decrypt)
	if err != nil {
		return operations.Result{}, err
	}
	input := op.Input
	if uint64(len(input)) > maxGCM-s.Done {
		return operations.Result{}, fault.New(fault.Invalid, "all parts together are longer than this mode takes")
	}
	skip := int(s.Done % ghashBlock)
	out := make([]byte, skip+len(input))
	copy(out[skip:], input)
	cipher.NewCTR(k.block, gcmCounter(s.IV, uint32(2+s.Done/ghashBlock))).XORKeyStream(out, out)
	out = out[skip:]

	hashed := out
	if s.Decrypt {
		hashed = input
	}
	hashed = append(append([]byte(nil), s.Held...), hashed...)
	n := len(hashed) / ghashBlock * ghashBlock
	h, err := k.ghash()
	if err != nil {
		return operations.Result{}, err
	}
	if s.Sum, err = h.add(s.Sum, hashed[:n]); err != nil {
		return operations.Result{}, err
	}
	s.Held, s.Done = hashed[n:], s.Done+uint64(len(input))
	return operations.Result{Output: out, State: s.Bytes()}, nil
}

func (k *blockKey) finishGCM(kid id.Key, op operations.Finish) (operations.Result, error) {
	s, err := streams.Read(op.State, kid, k.kind, op.Decrypt)
	if err != nil {
		return operations.Result{}, err
	}
	size := usualTag
	if s.Decrypt {
		size = len(op.Tag)
	} else if op.TagBits != 0 {
		size = op.TagBits / 8
	}
	switch {
	case size == 0:
		return operations.Result{}, fault.New(fault.Invalid, "tag is required in this mode")
	case size < 12:
		return operations.Result{}, fault.New(fault.Unsupported, "GCM in an ordinary group takes a tag_len of 96 to 128")
	}
	h, err := k.ghash()
	if err != nil {
		return operations.Result{}, err
	}
	lengths := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 8*s.AD), 8*s.Done)
	sum, err := h.add(s.Sum, append(wholeBlocks(s.Held), lengths...))
	if err != nil {
		return operations.Result{}, err
	}
	tag := reversed(sum)
	cipher.NewCTR(k.block, gcmCounter(s.IV, 1)).XORKeyStream(tag, tag)
	tag = tag[:size]
	if !s.Decrypt {
		return operations.Result{Tag: tag}, nil
	}
	if subtle.ConstantTimeCompare(tag, op.Tag) != 1 {
		return operations.Result{}, operations.DecryptRefused(nil)
	}
	return operations.Result{}, nil
}

// gcmCounter returns the counter block n of a message with an IV of 12 bytes.
func gcmCounter(iv []byte, n uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(nil), iv...), n)
}

// wholeBlocks returns b followed by zeros up to a whole block.
func wholeBlocks(b []byte) []byte {
	return append(append([]byte(nil), b...), make([]byte, (ghashBlock-len(b)%ghashBlock)%ghashBlock)...)
}

const ghashBlock = polyval.PolyvalBlockSize

// ghash is GHASH in the words of POLYVAL, which tink has: the same with bytes in
// the other order and another key (RFC 8452, appendix A).
type ghash struct{ key []byte }

func (k *blockKey) ghash() (ghash, error) {
	if k.kind != keys.AES {
		return ghash{}, fault.New(fault.Internal, "GCM of a cipher that has none")
	}
	h := make([]byte, ghashBlock)
	k.block.Encrypt(h, h)
	return ghash{key: timesX(reversed(h))}, nil
}

// add returns the hash after blocks that go before it had sum. Both sums are in
// POLYVAL's order.
func (g ghash) add(sum, blocks []byte) ([]byte, error) {
	if len(blocks) == 0 {
		return sum, nil
	}
	p, err := polyval.NewPolyval(g.key)
	if err != nil {
		return nil, refused("making a hash of GCM", err)
	}
	in := make([]byte, 0, len(blocks))
	for b := blocks; len(b) != 0; b = b[ghashBlock:] {
		in = append(in, reversed(b[:ghashBlock])...)
	}
	subtle.XORBytes(in, in, sum) // the hash so far is added to the next block
	p.Update(in)
	out := p.Finish()
	return out[:], nil
}

func reversed(b []byte) []byte {
	r := make([]byte, len(b))
	for i, v := range b {
		r[len(b)-1-i] = v
	}
	return r
}

// timesX is mulX_POLYVAL of RFC 8452, appendix A, in time that tells nothing of b.
func timesX(b []byte) []byte {
	low, high := binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])
	over := high >> 63
	high = high<<1 | low>>63
	low = low<<1 ^ over
	high ^= -over & (0xc2 << 56)
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, low), high)
}
