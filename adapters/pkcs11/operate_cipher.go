package pkcs11

import (
	"context"
	"crypto/rand"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// slack is room beyond what an output can be: libraries that pad or append on
// the way then need no second call.
const slack = 64

func (t *Token) encrypt(ctx context.Context, k *key, op operations.Encrypt) (operations.Result, error) {
	j := job{kind: cryptoki.Encrypt, object: k.handle, in: op.Plain, room: len(op.Plain) + slack}
	if k.Type == keys.RSA {
		return t.encryptRSA(ctx, k, op, j)
	}
	iv := op.IV
	if n := op.Mode.IVSize(operations.BlockSize(k.Type)); len(iv) == 0 && n > 0 {
		iv = make([]byte, n)
		if _, err := rand.Read(iv); err != nil {
			return operations.Result{}, fault.Wrap(fault.Internal, err, "making an initialisation vector")
		}
	}
	tag := 0
	if op.Mode == operations.GCM || op.Mode == operations.CCM {
		if tag = op.TagBits / 8; tag == 0 {
			tag = 16
		}
	}
	m, err := cipherMechanism(k.Type, op.Mode, iv, op.AD, tag, len(op.Plain))
	if err != nil {
		return operations.Result{}, err
	}
	j.mechanism = m
	out, err := t.run(ctx, k, j)
	if op.Mode == operations.CTR && code(err) == pkcs11.CKR_DATA_LEN_RANGE {
		return operations.Result{}, fault.Wrap(fault.Unsupported, err, "the HSM does not let the counter begin anew")
	}
	if err != nil {
		return operations.Result{}, err
	}
	if err := encrypted(out, op.Mode, operations.BlockSize(k.Type), len(op.Plain), tag); err != nil {
		return operations.Result{}, err
	}
	res := operations.Result{Output: out, IV: iv}
	if tag > 0 {
		res.Output, res.Tag = out[:len(op.Plain):len(op.Plain)], out[len(op.Plain):]
	}
	return res, nil
}

func (t *Token) decrypt(ctx context.Context, k *key, op operations.Decrypt) (operations.Result, error) {
	j, err := decryptJob(k, op)
	if err != nil {
		return operations.Result{}, err
	}
	out, err := t.run(ctx, k, j)
	if doubtful(err) {
		out, err = t.decryptSurely(ctx, k, op, j)
	}
	switch {
	case refusedInput(err):
		return operations.Result{}, operations.DecryptRefused(err)
	case err != nil:
		return operations.Result{}, err
	}
	if k.Type != keys.RSA {
		if err := decrypted(out, op.Mode, operations.BlockSize(k.Type), len(op.Cipher)); err != nil {
			return operations.Result{}, err
		}
	}
	return operations.Result{Output: out}, nil
}

// decryptJob returns the call that decrypts.
func decryptJob(k *key, op operations.Decrypt) (j job, err error) {
	j = job{kind: cryptoki.Decrypt, object: k.handle, in: op.Cipher, room: len(op.Cipher) + slack}
	if k.Type == keys.RSA {
		j.room = max(j.room, (k.Size+7)/8+slack)
		j.mechanism, err = rsaMechanism(op.Mode, op.Hash, op.Label)
		return j, err
	}
	if len(op.Tag) != 0 {
		j.in = append(append(make([]byte, 0, len(op.Cipher)+len(op.Tag)), op.Cipher...), op.Tag...)
	}
	j.mechanism, err = cipherMechanism(k.Type, op.Mode, op.IV, op.AD, len(op.Tag), len(op.Cipher))
	return j, err
}

// cipherMechanisms are those of the block ciphers by mode.
var cipherMechanisms = map[keys.Type]map[operations.Mode]uint{
	keys.AES: {
		operations.ECB: pkcs11.CKM_AES_ECB, operations.CBCNoPad: pkcs11.CKM_AES_CBC, operations.CBC: pkcs11.CKM_AES_CBC_PAD,
		operations.CTR: pkcs11.CKM_AES_CTR, operations.GCM: pkcs11.CKM_AES_GCM, operations.CCM: pkcs11.CKM_AES_CCM,
	},
	keys.DES3: {
		operations.ECB: pkcs11.CKM_DES3_ECB, operations.CBCNoPad: pkcs11.CKM_DES3_CBC, operations.CBC: pkcs11.CKM_DES3_CBC_PAD,
	},
}

// cipherMechanism returns the mechanism of a block cipher. tag is the tag's
// length in bytes, data that of the text without it.
func cipherMechanism(typ keys.Type, mode operations.Mode, iv, ad []byte, tag, data int) (cryptoki.Mechanism, error) {
	number, ok := cipherMechanisms[typ][mode]
	if !ok {
		return cryptoki.Mechanism{}, fault.New(fault.Unsupported, "mode is not supported for this type of key")
	}
	m := cryptoki.Mechanism{Type: number, P: iv}
	switch number {
	case pkcs11.CKM_AES_CTR:
		m.Shape, m.A = cryptoki.CTR, 128
	case pkcs11.CKM_AES_GCM:
		m.Shape, m.Q, m.A = cryptoki.GCM, ad, uint(8*tag)
	case pkcs11.CKM_AES_CCM:
		m.Shape, m.Q, m.A, m.B = cryptoki.CCM, ad, uint(tag), uint(data)
	}
	return m, nil
}
