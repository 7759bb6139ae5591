package conformance_test

import (
	"context"
	"encoding/asn1"
	"math/big"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/simulators/tokensim"
)

type operate = func(context.Context, hsm.Ref, operations.Operation) (operations.Result, error)

// operating returns a tweak of Operate.
func operating(f func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error)) func(*tweaked, *tokensim.Slot) {
	return func(w *tweaked, _ *tokensim.Slot) {
		next := w.operate
		w.operate = func(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
			return f(next, ctx, ref, op)
		}
	}
}

// encrypting returns a tweak of the result of Encrypt.
func encrypting(f func(*operations.Result)) func(*tweaked, *tokensim.Slot) {
	return operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		res, err := next(ctx, ref, op)
		if _, is := op.(operations.Encrypt); is && err == nil {
			f(&res)
		}
		return res, err
	})
}

// failing returns a tweak of the errors of Operate.
func failing(f func(op operations.Operation, err error) error) func(*tweaked, *tokensim.Slot) {
	return operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		res, err := next(ctx, ref, op)
		if err != nil {
			err = f(op, err)
		}
		return res, err
	})
}

// results are wrong in what an operation answers.
var results = []broken{
	{"ecdsa signature as r and s", "open/^sign/EC_NistP256", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		res, err := next(ctx, ref, op)
		var rs struct{ R, S *big.Int }
		if _, is := op.(operations.Sign); is && err == nil {
			if _, err := asn1.Unmarshal(res.Output, &rs); err == nil {
				res.Output = append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
			}
		}
		return res, err
	})},
	{"pkcs1 signature for pss", "open/^sign/RSA_PSS_SHA256", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		if s, is := op.(operations.Sign); is && s.Mode == operations.PSS {
			s.Mode = operations.PKCS1v15
			op = s
		}
		return next(ctx, ref, op)
	})},
	{"error for a signature that does not verify", "open/^sign/EC_NistP256", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		res, err := next(ctx, ref, op)
		if _, is := op.(operations.Verify); is && err == nil && !res.Valid {
			err = fault.New(fault.Invalid, "signature is wrong")
		}
		return res, err
	})},
	{"every signature verifies", "open/^sign/EC_NistP256", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		if _, is := op.(operations.Verify); is {
			return operations.Result{Valid: true}, nil
		}
		return next(ctx, ref, op)
	})},
	{"cut mac verifies", "open/^mac/HMAC_SHA256", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		if v, is := op.(operations.MACVerify); is {
			res, err := next(ctx, ref, operations.MAC{Hash: v.Hash, Data: v.Data})
			return operations.Result{Valid: err == nil && len(v.MAC) <= len(res.Output) && string(res.Output[:len(v.MAC)]) == string(v.MAC)}, err
		}
		return next(ctx, ref, op)
	})},
	{"tag left in the ciphertext", "open/cipher/AES_GCM", encrypting(func(r *operations.Result) { r.Output, r.Tag = append(r.Output, r.Tag...), nil })},
	{"iv not told", "open/cipher/AES_CBC", encrypting(func(r *operations.Result) { r.IV = nil })},
	{"always the same iv", "open/cipher/AES_GCM", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		if e, is := op.(operations.Encrypt); is && e.IV == nil && e.Mode == operations.GCM {
			e.IV = make([]byte, 12)
			op = e
		}
		return next(ctx, ref, op)
	})},
	{"tag longer than asked", "open/cipher/AES_GCM", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		if e, is := op.(operations.Encrypt); is {
			e.TagBits = 0
			op = e
		}
		return next(ctx, ref, op)
	})},
	{"oaep label forgotten", "open/rsa_encryption/OAEP_SHA256_with_a_label", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		switch o := op.(type) {
		case operations.Encrypt:
			o.Label = nil
			op = o
		case operations.Decrypt:
			o.Label = nil
			op = o
		}
		return next(ctx, ref, op)
	})},
	{"padding told apart", "open/decryption_refused/CBC", failing(func(op operations.Operation, err error) error {
		if _, is := op.(operations.Decrypt); is {
			return fault.Wrap(fault.Invalid, err, "bad padding")
		}
		return err
	})},
	{"refused tag is a failing token", "open/decryption_refused/GCM", failing(func(op operations.Operation, err error) error {
		if _, is := op.(operations.Decrypt); is {
			return fault.Wrap(fault.Unavailable, err, "the HSM fails")
		}
		return err
	})},
	{"denial is a bad request", "open/operation_refused/denied_encrypt", failing(func(_ operations.Operation, err error) error {
		if fault.KindOf(err) == fault.Denied {
			return fault.Wrap(fault.Invalid, err, "no")
		}
		return err
	})},
	{"bad request is a failing token", "open/operation_refused/iv_of_a_wrong_length", failing(func(_ operations.Operation, err error) error {
		return fault.Wrap(fault.Unavailable, err, "the HSM fails")
	})},
	{"mode refused unannounced", "open/cipher/AES_CTR", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		if e, is := op.(operations.Encrypt); is && e.Mode == operations.CTR {
			return operations.Result{}, fault.New(fault.Unsupported, "no CTR")
		}
		return next(ctx, ref, op)
	})},
	{"capability not told", "open/cipher/AES_GCM", capabilities(func(c *hsm.Capabilities) { c.Mechanisms = c.Mechanisms[:1] })},
	{"capability that is none", "open/^mac/CMAC", capabilities(func(c *hsm.Capabilities) {
		c.Mechanisms = append(c.Mechanisms, hsm.Mechanism{Operation: "mac", Type: keys.AES})
	})},
	{"cipher mode that is none", "open/cipher/AES_CCM", capabilities(func(c *hsm.Capabilities) {
		c.Mechanisms = append(c.Mechanisms, hsm.Mechanism{Operation: "encrypt", Type: keys.AES, Mode: operations.CCM})
	})},
	{"key kind not told", "open/^generate/HMAC", capabilities(func(c *hsm.Capabilities) { c.Generate = c.Generate[:1] })},
	{"answers mixed up", "open/concurrency/operating", func(w *tweaked, _ *tokensim.Slot) {
		next, last := w.operate, make(chan operations.Result, 1)
		w.operate = func(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
			res, err := next(ctx, ref, op)
			if _, is := op.(operations.Decrypt); is && err == nil {
				select {
				case other := <-last:
					last <- res
					return other, nil
				case last <- res:
				}
			}
			return res, err
		}
	}},
}

func capabilities(f func(*hsm.Capabilities)) func(*tweaked, *tokensim.Slot) {
	return func(w *tweaked, _ *tokensim.Slot) {
		next := w.check
		w.check = func(ctx context.Context) (hsm.Info, error) {
			info, err := next(ctx)
			f(&info.Capabilities)
			return info, err
		}
	}
}
