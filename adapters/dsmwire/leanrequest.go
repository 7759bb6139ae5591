package dsmwire

// ReadLean, of each body of a cryptographic call, reads a body that is written as
// programs usually write it. When it returns false the body is not so, or is
// wrong, and what it was read into is of no use: read it with encoding/json.

// ReadLean reads a body as it is usually written.
func (r *EncryptRequest) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
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
	})
}

// ReadLean reads a body as it is usually written.
func (r *DecryptRequest) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
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
	})
}

// ReadLean reads a body as it is usually written.
func (r *SignRequest) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
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
	})
}

// ReadLean reads a body as it is usually written.
func (r *VerifyRequest) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
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
	})
}

// ReadLean reads a body as it is usually written.
func (r *MACRequest) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
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
	})
}

// ReadLean reads a body as it is usually written.
func (r *MACVerifyRequest) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
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
	})
}
