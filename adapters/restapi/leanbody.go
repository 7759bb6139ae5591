package restapi

import "gatehouse/adapters/dsmwire"

// The bodies that lean reads, field by field.

func leanEncrypt(l *lean, field []byte, r *dsmwire.EncryptRequest) bool {
	switch string(field) {
	case "key":
		return l.key(&r.Key)
	case "alg":
		return l.text(&r.Alg)
	case "plain":
		return l.binary(&r.Plain)
	case "mode":
		return l.mode(&r.Mode)
	case "iv":
		return l.binary(&r.IV)
	case "ad":
		return l.binary(&r.AD)
	case "tag_len":
		return l.number(&r.TagLen)
	case "label":
		return l.binary(&r.Label)
	default:
		return false
	}
}

func leanDecrypt(l *lean, field []byte, r *dsmwire.DecryptRequest) bool {
	switch string(field) {
	case "key":
		return l.key(&r.Key)
	case "alg":
		return l.text(&r.Alg)
	case "cipher":
		return l.binary(&r.Cipher)
	case "mode":
		return l.mode(&r.Mode)
	case "iv":
		return l.binary(&r.IV)
	case "ad":
		return l.binary(&r.AD)
	case "tag":
		return l.binary(&r.Tag)
	case "masked":
		return l.boolean(&r.Masked)
	case "label":
		return l.binary(&r.Label)
	default:
		return false
	}
}

func leanSign(l *lean, field []byte, r *dsmwire.SignRequest) bool {
	switch string(field) {
	case "key":
		return l.key(&r.Key)
	case "hash_alg":
		return l.text(&r.HashAlg)
	case "hash":
		return l.binary(&r.Hash)
	case "data":
		return l.binary(&r.Data)
	case "deterministic_signature":
		return l.boolean(&r.Deterministic)
	default:
		return false
	}
}

func leanVerify(l *lean, field []byte, r *dsmwire.VerifyRequest) bool {
	switch string(field) {
	case "key":
		return l.key(&r.Key)
	case "hash_alg":
		return l.text(&r.HashAlg)
	case "hash":
		return l.binary(&r.Hash)
	case "data":
		return l.binary(&r.Data)
	case "signature":
		return l.binary(&r.Signature)
	default:
		return false
	}
}

func leanMAC(l *lean, field []byte, r *dsmwire.MACRequest) bool {
	switch string(field) {
	case "key":
		return l.key(&r.Key)
	case "alg":
		return l.text(&r.Alg)
	case "data":
		return l.binary(&r.Data)
	default:
		return false
	}
}

func leanMACVerify(l *lean, field []byte, r *dsmwire.MACVerifyRequest) bool {
	switch string(field) {
	case "key":
		return l.key(&r.Key)
	case "alg":
		return l.text(&r.Alg)
	case "data":
		return l.binary(&r.Data)
	case "mac":
		return l.binary(&r.MAC)
	default:
		return false
	}
}
