package pkcs11

import (
	"bytes"
	"context"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/core/fault"
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

// decryptSurely is what follows a doubtful refusal to decrypt, for a token that
// fails must not be taken for a ciphertext that is wrong: the key has to decrypt
// what it has just encrypted itself. When it does, the ciphertext is tried once
// more, and its refusal believed; refused is returned then.
func (t *Token) decryptSurely(ctx context.Context, k *key, op operations.Decrypt, j job, refused error) ([]byte, error) {
	plain := sample
	if op.Mode == operations.OAEP || op.Hash != operations.NoHash {
		plain = sample[:16] // fits every key
	}
	there, err := t.encrypt(ctx, k, operations.Encrypt{
		Mode: op.Mode, Hash: op.Hash, Plain: plain, AD: op.AD, TagBits: 8 * len(op.Tag), Label: op.Label,
	})
	if err != nil { // such as a key that may not encrypt: nothing is known of it
		return nil, refused
	}
	back := op
	back.Cipher, back.IV, back.Tag = there.Output, there.IV, there.Tag
	own, err := decryptJob(k, back)
	if err != nil {
		return nil, refused
	}
	out, err := t.run(ctx, k, own)
	switch {
	case refusedInput(err):
		return nil, fault.Wrap(fault.Unavailable, err, "the HSM reports a failure").Because(fault.TokenFailed)
	case err != nil:
		return nil, err
	case !bytes.Equal(out, plain):
		return nil, errWrong()
	}
	return t.run(ctx, k, j)
}
