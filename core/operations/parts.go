package operations

import (
	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// Begin, Continue and Finish encrypt or decrypt a long message in parts (init,
// update and final of the API). Between them the caller carries a state:
// nothing is kept here, so that any node can go on with what another began.
//
// A state is opaque, fits one key and one direction, and holds secrets: who
// hands it out of the service seals it for its owner. It may be used again, as
// often as the owner likes: the same part then gives the same output.
//
// What Continue decrypts with GCM has not been authenticated. Only Finish tells
// whether the message is genuine: whoever acts on parts before that acts on
// what anybody may have changed.

// Begin starts. Its Result has State, and the IV of an encryption.
type Begin struct {
	Decrypt bool
	Mode    Mode   // CBC, CBCNoPad, CTR or GCM
	IV      []byte // encryption: empty for a random one
	AD      []byte // GCM
}

// Continue does a part of any length. Its Result has State and Output, which
// may be shorter than the part: the rest comes later.
type Continue struct {
	Decrypt bool
	State   []byte
	Input   []byte
}

// Finish ends a message. Its Result has Output, and Tag when it encrypts with GCM.
// With a tag, padding or length that is wrong a decryption is DecryptRefused.
type Finish struct {
	Decrypt bool
	State   []byte
	TagBits int    // GCM, encryption; 0 means 128
	Tag     []byte // GCM, decryption
}

// Needs returns OpEncrypt or OpDecrypt.
func (b Begin) Needs() keys.Ops { return cipherOps(b.Decrypt) }

// Needs returns OpEncrypt or OpDecrypt.
func (c Continue) Needs() keys.Ops { return cipherOps(c.Decrypt) }

// Needs returns OpEncrypt or OpDecrypt.
func (f Finish) Needs() keys.Ops { return cipherOps(f.Decrypt) }

func cipherOps(decrypt bool) keys.Ops {
	if decrypt {
		return keys.OpDecrypt
	}
	return keys.OpEncrypt
}

// maxState is longer than any state.
const maxState = 1024

func (b Begin) check(k keys.Key) error {
	if k.Type != keys.AES && k.Type != keys.DES3 {
		return wrongKey(b, k)
	}
	switch b.Mode {
	case CBC, CBCNoPad, CTR, GCM:
	default:
		if err := checkCipher(b.Mode, k.Type, len(b.IV), !b.Decrypt); err != nil {
			return err
		}
		return fault.New(fault.Unsupported, "mode %s does not work in parts; use CBC, CBCNOPAD, CTR or GCM", b.Mode)
	}
	if err := tooLong(b.AD); err != nil {
		return err
	}
	if err := checkCipher(b.Mode, k.Type, len(b.IV), !b.Decrypt); err != nil {
		return err
	}
	return checkAEADOnly(b.Mode, b.AD, nil)
}

func (c Continue) check(k keys.Key) error {
	if err := checkState(c, k, c.State); err != nil {
		return err
	}
	return tooLong(c.Input)
}

func (f Finish) check(k keys.Key) error {
	if err := checkState(f, k, f.State); err != nil {
		return err
	}
	if f.Decrypt && f.TagBits != 0 || !f.Decrypt && len(f.Tag) != 0 {
		return fault.New(fault.Invalid, "tag is for decryption, and tag_len for encryption")
	}
	if err := checkTagBits(GCM, f.TagBits+8*len(f.Tag)); err != nil {
		return fault.New(fault.Invalid, "tag_len is not possible in this mode")
	}
	return nil
}

func checkState(op Operation, k keys.Key, state []byte) error {
	switch {
	case k.Type != keys.AES && k.Type != keys.DES3:
		return wrongKey(op, k)
	case len(state) == 0 || len(state) > maxState:
		return ErrState()
	}
	return nil
}

// ErrState is the answer to a state that Begin or Continue did not make, or not
// for this key and direction.
func ErrState() error {
	return fault.New(fault.Invalid, "state is not one of this operation and key")
}
