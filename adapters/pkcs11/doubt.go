package pkcs11

import (
	"bytes"
	"context"
	"errors"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// doubtful reports whether err is a refusal of the input in words that may as
// well mean a token that fails. Tokens are free to choose them, and do.
func doubtful(err error) bool {
	if !refusedInput(err) {
		return false
	}
	v, _ := meaning(err)
	return v.Class != ckr.Request
}

// sample is what is encrypted and decrypted to see that a key works: whole blocks.
var sample = []byte("is this the key that it should be")[:32]

// rounds is how often a doubtful refusal of a ciphertext has to come again. A
// token that fails in one call of twenty would blame one client in forty thousand
// if it were once, for each call is made twice as it is.
const rounds = 2

// decryptSurely is what follows a doubtful refusal to decrypt, for a token that
// fails must not be taken for a ciphertext that is wrong: the key has to decrypt
// what it has just encrypted itself. When it does, the ciphertext is tried once
// more. Its refusal is believed after so many rounds.
func (t *Token) decryptSurely(ctx context.Context, k *key, op operations.Decrypt, j job) (out []byte, err error) {
	for range rounds {
		if err := t.decryptsOwn(ctx, k, op); err != nil {
			return nil, err
		}
		if out, err = t.run(ctx, k, j); !doubtful(err) {
			return out, err
		}
	}
	return nil, err
}

// decryptsOwn has the key decrypt, in the way of op, what it has encrypted itself.
// It does not fail where that cannot be done, such as with a key that may not
// encrypt: nothing is known of the token then.
func (t *Token) decryptsOwn(ctx context.Context, k *key, op operations.Decrypt) error {
	plain := sample
	if op.Mode == operations.OAEP || op.Hash != operations.NoHash {
		plain = sample[:16] // fits every key
	}
	there, err := t.encrypt(ctx, k, operations.Encrypt{
		Mode: op.Mode, Hash: op.Hash, Plain: plain, AD: op.AD, TagBits: 8 * len(op.Tag), Label: op.Label,
	})
	if err != nil && k.Ops.Has(keys.OpEncrypt) && (unclear(err) || errors.Is(err, fault.Unavailable)) {
		return atToken(translate("encrypting a sample", err))
	}
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	back := op
	back.Cipher, back.IV, back.Tag = there.Output, there.IV, there.Tag
	own, err := decryptJob(k, back)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	out, err := t.run(ctx, k, own)
	switch {
	case refusedInput(err):
		return fault.Wrap(fault.Unavailable, err, "the HSM reports a failure").Because(fault.TokenFailed)
	case err != nil:
		return err
	case !bytes.Equal(out, plain):
		return errWrong()
	}
	return nil
}
