package dsmwire

import "encoding/base64"

// ReadLean reads a body as it is usually written.
func (r *EncryptResponse) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
		switch string(field) {
		case "kid":
			return l.text(&r.KID)
		case "cipher":
			return l.binary(&r.Cipher)
		case "iv":
			return l.binary(&r.IV)
		case "tag":
			return l.binary(&r.Tag)
		default:
			return false
		}
	})
}

// ReadLean reads a body as it is usually written.
func (r *DecryptResponse) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
		switch string(field) {
		case "kid":
			return l.text(&r.KID)
		case "plain":
			return l.binary(&r.Plain)
		default:
			return false
		}
	})
}

// ReadLean reads a body as it is usually written.
func (r *SignResponse) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
		switch string(field) {
		case "kid":
			return l.text(&r.KID)
		case "signature":
			return l.binary(&r.Signature)
		default:
			return false
		}
	})
}

// ReadLean reads a body as it is usually written.
func (r *MACResponse) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
		switch string(field) {
		case "kid":
			return l.text(&r.KID)
		case "mac":
			return l.binary(&r.MAC)
		default:
			return false
		}
	})
}

// ReadLean reads a body as it is usually written.
func (r *VerifyResponse) ReadLean(body []byte) bool {
	l := lean{body: body}
	return l.whole(func(field []byte) bool {
		switch string(field) {
		case "kid":
			return l.text(&r.KID)
		case "result":
			return l.verdict(&r.Result)
		default:
			return false
		}
	})
}

// AppendJSON appends the body. The id must need no escaping, as the service's own do not.
func (r EncryptResponse) AppendJSON(dst []byte) []byte {
	dst = appendBinary(appendKID(dst, r.KID), "cipher", r.Cipher)
	if len(r.IV) != 0 {
		dst = appendBinary(append(dst, ','), "iv", r.IV)
	}
	if len(r.Tag) != 0 {
		dst = appendBinary(append(dst, ','), "tag", r.Tag)
	}
	return append(dst, '}')
}

// AppendJSON appends the body. The id must need no escaping, as the service's own do not.
func (r DecryptResponse) AppendJSON(dst []byte) []byte {
	return append(appendBinary(appendKID(dst, r.KID), "plain", r.Plain), '}')
}

// AppendJSON appends the body. The id must need no escaping, as the service's own do not.
func (r SignResponse) AppendJSON(dst []byte) []byte {
	return append(appendBinary(appendKID(dst, r.KID), "signature", r.Signature), '}')
}

// AppendJSON appends the body. The id must need no escaping, as the service's own do not.
func (r MACResponse) AppendJSON(dst []byte) []byte {
	return append(appendBinary(appendKID(dst, r.KID), "mac", r.MAC), '}')
}

// AppendJSON appends the body. The id must need no escaping, as the service's own do not.
func (r VerifyResponse) AppendJSON(dst []byte) []byte {
	if r.Result {
		return append(appendKID(dst, r.KID), `"result":true}`...)
	}
	return append(appendKID(dst, r.KID), `"result":false}`...)
}

func appendKID(dst []byte, kid string) []byte {
	if kid == "" { // of a key that is stored nowhere
		return append(dst, '{')
	}
	return append(append(append(dst, `{"kid":"`...), kid...), `",`...)
}

func appendBinary(dst []byte, field string, b []byte) []byte {
	dst = append(append(append(dst, '"'), field...), `":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, b), '"')
}
