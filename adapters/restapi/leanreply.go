package restapi

import (
	"encoding/base64"

	"gatehouse/adapters/dsmwire"
)

// The replies of the cryptographic calls, written without reflection. Ids are
// our own and need no escaping; fields without a value are left out, but for
// the one that the reply is about.

func encodeEncrypt(dst []byte, r dsmwire.EncryptResponse) ([]byte, error) {
	dst = appendBinary(appendKID(dst, r.KID), "cipher", r.Cipher)
	if len(r.IV) != 0 {
		dst = appendBinary(append(dst, ','), "iv", r.IV)
	}
	if len(r.Tag) != 0 {
		dst = appendBinary(append(dst, ','), "tag", r.Tag)
	}
	return append(dst, '}', '\n'), nil
}

func encodeDecrypt(dst []byte, r dsmwire.DecryptResponse) ([]byte, error) {
	return append(appendBinary(appendKID(dst, r.KID), "plain", r.Plain), '}', '\n'), nil
}

func encodeSign(dst []byte, r dsmwire.SignResponse) ([]byte, error) {
	return append(appendBinary(appendKID(dst, r.KID), "signature", r.Signature), '}', '\n'), nil
}

func encodeMAC(dst []byte, r dsmwire.MACResponse) ([]byte, error) {
	return append(appendBinary(appendKID(dst, r.KID), "mac", r.MAC), '}', '\n'), nil
}

func encodeVerdict(dst []byte, r dsmwire.VerifyResponse) ([]byte, error) {
	if r.Result {
		return append(appendKID(dst, r.KID), "\"result\":true}\n"...), nil
	}
	return append(appendKID(dst, r.KID), "\"result\":false}\n"...), nil
}

func appendKID(dst []byte, kid string) []byte {
	return append(append(append(dst, `{"kid":"`...), kid...), `",`...)
}

func appendBinary(dst []byte, field string, b []byte) []byte {
	dst = append(append(append(dst, '"'), field...), `":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, b), '"')
}
