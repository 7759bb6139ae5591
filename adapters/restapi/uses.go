package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// maxTagBits is the longest tag that any mode has.
const maxTagBits = 128

var encrypting = use[dsmwire.EncryptRequest, dsmwire.EncryptResponse]{
	id: "Encrypt", path: "/crypto/v1/encrypt", summary: "Encrypt",
	decode: leanly[dsmwire.EncryptRequest], encode: appended[dsmwire.EncryptResponse],
	key: func(r *dsmwire.EncryptRequest) *dsmwire.SobjectDescriptor { return r.Key },
	operation: func(r *dsmwire.EncryptRequest, k keys.Key) (operations.Operation, error) {
		if r.Alg == "" {
			return nil, missing("alg")
		}
		if err := checkAlg(r.Alg, k); err != nil {
			return nil, err
		}
		if r.Plain == nil {
			return nil, missing("plain")
		}
		mode, hash, err := cryptMode(r.Mode, k)
		if err != nil {
			return nil, err
		}
		op := operations.Encrypt{Mode: mode, Hash: hash, Plain: r.Plain, IV: r.IV, AD: r.AD, Label: r.Label}
		op.TagBits, err = tagBits(mode, r.TagLen)
		return op, err
	},
	reply: func(kid string, res operations.Result) dsmwire.EncryptResponse {
		return dsmwire.EncryptResponse{KID: kid, Cipher: present(res.Output), IV: res.IV, Tag: res.Tag}
	},
}

var decrypting = use[dsmwire.DecryptRequest, dsmwire.DecryptResponse]{
	id: "Decrypt", path: "/crypto/v1/decrypt", summary: "Decrypt",
	decode: leanly[dsmwire.DecryptRequest], encode: appended[dsmwire.DecryptResponse],
	key: func(r *dsmwire.DecryptRequest) *dsmwire.SobjectDescriptor { return r.Key },
	operation: func(r *dsmwire.DecryptRequest, k keys.Key) (operations.Operation, error) {
		if r.Alg != "" {
			if err := checkAlg(r.Alg, k); err != nil {
				return nil, err
			}
		}
		if r.Cipher == nil {
			return nil, missing("cipher")
		}
		if r.Masked != nil && *r.Masked {
			return nil, fault.New(fault.Invalid, "masked is for format-preserving encryption only")
		}
		mode, hash, err := cryptMode(r.Mode, k)
		if err != nil {
			return nil, err
		}
		return operations.Decrypt{
			Mode: mode, Hash: hash, Cipher: r.Cipher, IV: r.IV, AD: r.AD, Tag: r.Tag, Label: r.Label,
		}, nil
	},
	reply: func(kid string, res operations.Result) dsmwire.DecryptResponse {
		return dsmwire.DecryptResponse{KID: kid, Plain: present(res.Output)}
	},
}

var signing = use[dsmwire.SignRequest, dsmwire.SignResponse]{
	id: "Sign", path: "/crypto/v1/sign", summary: "Sign data or a digest",
	decode: leanly[dsmwire.SignRequest], encode: appended[dsmwire.SignResponse],
	key: func(r *dsmwire.SignRequest) *dsmwire.SobjectDescriptor { return r.Key },
	operation: func(r *dsmwire.SignRequest, k keys.Key) (operations.Operation, error) {
		input, prehashed, hash, mode, err := signed(r.Hash, r.Data, r.Context, r.HashAlg, r.Mode, k)
		if err != nil {
			return nil, err
		}
		if r.Deterministic != nil && *r.Deterministic && mode != operations.PKCS1v15 && k.Curve != keys.Ed25519 {
			return nil, fault.New(fault.Unsupported, "deterministic signatures of this kind are not supported")
		}
		return operations.Sign{Hash: hash, Mode: mode, Prehashed: prehashed, Input: input, Context: r.Context}, nil
	},
	reply: func(kid string, res operations.Result) dsmwire.SignResponse {
		return dsmwire.SignResponse{KID: kid, Signature: present(res.Output)}
	},
}

var verifying = use[dsmwire.VerifyRequest, dsmwire.VerifyResponse]{
	id: "Verify", path: "/crypto/v1/verify", summary: "Verify a signature",
	decode: leanly[dsmwire.VerifyRequest], encode: appended[dsmwire.VerifyResponse],
	key: func(r *dsmwire.VerifyRequest) *dsmwire.SobjectDescriptor { return r.Key },
	operation: func(r *dsmwire.VerifyRequest, k keys.Key) (operations.Operation, error) {
		if r.Signature == nil {
			return nil, missing("signature")
		}
		input, prehashed, hash, mode, err := signed(r.Hash, r.Data, r.Context, r.HashAlg, r.Mode, k)
		if err != nil {
			return nil, err
		}
		return operations.Verify{
			Hash: hash, Mode: mode, Prehashed: prehashed, Input: input, Signature: r.Signature, Context: r.Context,
		}, nil
	},
	reply: verdict,
}

var macing = use[dsmwire.MACRequest, dsmwire.MACResponse]{
	id: "Mac", path: "/crypto/v1/mac", summary: "Make a MAC",
	decode: leanly[dsmwire.MACRequest], encode: appended[dsmwire.MACResponse],
	key: func(r *dsmwire.MACRequest) *dsmwire.SobjectDescriptor { return r.Key },
	operation: func(r *dsmwire.MACRequest, _ keys.Key) (operations.Operation, error) {
		if r.Data == nil {
			return nil, missing("data")
		}
		hash, err := macHash(r.Alg)
		return operations.MAC{Hash: hash, Data: r.Data}, err
	},
	reply: func(kid string, res operations.Result) dsmwire.MACResponse {
		return dsmwire.MACResponse{KID: kid, MAC: present(res.Output)}
	},
}

var macVerifying = use[dsmwire.MACVerifyRequest, dsmwire.VerifyResponse]{
	id: "MacVerify", path: "/crypto/v1/macverify", summary: "Verify a MAC",
	decode: leanly[dsmwire.MACVerifyRequest], encode: appended[dsmwire.VerifyResponse],
	key: func(r *dsmwire.MACVerifyRequest) *dsmwire.SobjectDescriptor { return r.Key },
	operation: func(r *dsmwire.MACVerifyRequest, _ keys.Key) (operations.Operation, error) {
		if r.Data == nil {
			return nil, missing("data")
		}
		if r.MAC == nil {
			r.MAC = r.Digest
		}
		hash, err := macHash(r.Alg)
		return operations.MACVerify{Hash: hash, Data: r.Data, MAC: r.MAC}, err
	},
	reply: verdict,
}

// signed reads what a signature is of, and how it is made.
func signed(digest, data, context []byte, hashAlg string, m *dsmwire.Mode, k keys.Key) (
	input []byte, prehashed bool, hash operations.Hash, mode operations.Mode, err error,
) {
	switch {
	case (digest == nil) == (data == nil):
		return nil, false, "", "", fault.New(fault.Invalid, "exactly one of hash and data is required")
	case context != nil && k.Type != keys.MLDSA:
		return nil, false, "", "", fault.New(fault.Invalid, "context is for ML-DSA keys only")
	}
	if hash, err = signatureHash(hashAlg, k); err != nil {
		return nil, false, "", "", err
	}
	if mode, err = signatureMode(m, hash, k); err != nil {
		return nil, false, "", "", err
	}
	if digest != nil {
		return digest, true, hash, mode, nil
	}
	return data, false, hash, mode, nil
}

func macHash(alg string) (operations.Hash, error) {
	if alg == "" {
		return operations.NoHash, nil
	}
	return operations.ParseHash(alg)
}

func verdict(kid string, res operations.Result) dsmwire.VerifyResponse {
	return dsmwire.VerifyResponse{KID: kid, Result: res.Valid}
}

func missing(field string) error { return fault.New(fault.Invalid, "%s is required", field) }
