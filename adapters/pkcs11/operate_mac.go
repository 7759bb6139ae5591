package pkcs11

import (
	"context"
	"crypto/subtle"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

func (t *Token) mac(ctx context.Context, k *key, op operations.MAC) (operations.Result, error) {
	m, size, err := macMechanism(k.Type, op.Hash)
	if err != nil {
		return operations.Result{}, err
	}
	out, err := t.run(ctx, k, job{kind: cryptoki.Sign, object: k.handle, mechanism: m, in: op.Data})
	if err == nil {
		err = whole(out, size)
	}
	if err != nil {
		return operations.Result{}, err
	}
	return operations.Result{Output: out}, nil
}

func (t *Token) macVerify(ctx context.Context, k *key, op operations.MACVerify) (operations.Result, error) {
	m, size, err := macMechanism(k.Type, op.Hash)
	if err != nil {
		return operations.Result{}, err
	}
	if len(op.MAC) != size {
		return operations.Result{}, nil // shortened ones are refused: two bytes would be guessed
	}
	_, err = t.run(ctx, k, job{kind: cryptoki.Verify, object: k.handle, mechanism: m, in: op.Data, signature: op.MAC})
	switch e := code(err); {
	case err == nil:
		return operations.Result{Valid: true}, nil
	case e == pkcs11.CKR_SIGNATURE_INVALID || e == pkcs11.CKR_SIGNATURE_LEN_RANGE:
		return operations.Result{}, nil
	case !refusedInput(err) && (fault.KindOf(translate("", err)) != fault.Unsupported || !k.Ops.Has(op.Needs())):
		return operations.Result{}, err
	}
	// Some tokens only make MACs, and some say neither yes nor no of a wrong one.
	made, failed := t.run(ctx, k, job{kind: cryptoki.Sign, object: k.handle, mechanism: m, in: op.Data})
	switch {
	case failed == nil:
		return operations.Result{Valid: subtle.ConstantTimeCompare(made, op.MAC) == 1}, nil
	case refusedInput(err): // a key that may verify and not make
		return operations.Result{}, nil
	}
	return operations.Result{}, err
}

// cmacs are the mechanisms of CMAC and the lengths of the MACs in bytes.
var cmacs = map[keys.Type]struct {
	mechanism uint
	size      int
}{
	keys.AES:  {pkcs11.CKM_AES_CMAC, 16},
	keys.DES3: {pkcs11.CKM_DES3_CMAC, 8},
}

// macMechanism returns the mechanism of a MAC and its length in bytes.
func macMechanism(typ keys.Type, h operations.Hash) (m cryptoki.Mechanism, size int, err error) {
	if cmac, ok := cmacs[typ]; ok {
		return cryptoki.Mechanism{Type: cmac.mechanism}, cmac.size, nil
	}
	p, ok := hashes[h]
	if !ok || typ != keys.HMAC && typ != keys.Secret {
		return cryptoki.Mechanism{}, 0, fault.New(fault.Unsupported, "digest algorithm is not supported")
	}
	return cryptoki.Mechanism{Type: p.hmac}, h.Size(), nil
}
