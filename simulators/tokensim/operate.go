package tokensim

import (
	"context"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Operate does op with the key that ref names.
func (t *Token) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	var res operations.Result
	err := t.do(ctx, Operate, ref.ID, func(c *card) error {
		o, err := t.slot.keyFor(c, ref, op)
		if err != nil {
			return err
		}
		if err := operations.Check(op, keys.Key{Type: o.Type, Curve: o.Curve, Size: o.Size}); err != nil {
			return err
		}
		if !t.slot.caps.Lists(hsm.MechanismFor(op, o.Type)) || o.empty() {
			return unsupported()
		}
		if !o.Ops.Has(op.Needs()) {
			return fault.New(fault.Denied, "the key in the HSM does not allow this operation")
		}
		res, err = o.operate(op)
		return err
	})
	if err != nil {
		return operations.Result{}, err
	}
	return res, nil
}

// keyFor returns the half of ref's key that op needs.
func (s *Slot) keyFor(c *card, ref hsm.Ref, op operations.Operation) (*object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := c.find(ref)
	if err != nil || o.Class != hsm.PrivateKey || op.Needs()&keys.PublicOps == 0 {
		return o, err
	}
	half, err := c.publicHalf(o)
	if err == nil && half == nil {
		return nil, fault.New(fault.NotFound, "the key's public half is not in the HSM")
	}
	return half, err
}

func (o *object) empty() bool {
	return o.secret == nil && o.private == nil && o.agree == nil && o.public == nil
}

func (o *object) operate(op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Encrypt:
		if o.Type == keys.RSA {
			return o.encryptRSA(op)
		}
		return o.encrypt(op)
	case operations.Decrypt:
		if o.Type == keys.RSA {
			return o.decryptRSA(op)
		}
		return o.decrypt(op)
	case operations.Sign:
		return o.sign(op)
	case operations.Verify:
		return operations.Result{Valid: o.verify(op)}, nil
	case operations.MAC:
		return operations.Result{Output: o.hmac(op.Hash, op.Data)}, nil
	case operations.MACVerify:
		return operations.Result{Valid: o.checkHMAC(op)}, nil
	default:
		return operations.Result{}, unsupported()
	}
}
