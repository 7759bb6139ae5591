package restapi

import (
	"gatehouse/adapters/dsmwire"
)

// What tests of decoding look at, without a service around it.
var (
	LeanEncrypt   = leanly(leanEncrypt)
	LeanDecrypt   = leanly(leanDecrypt)
	LeanSign      = leanly(leanSign)
	LeanVerify    = leanly(leanVerify)
	LeanMAC       = leanly(leanMAC)
	LeanMACVerify = leanly(leanMACVerify)

	EncodeEncrypt = encodeEncrypt
	EncodeDecrypt = encodeDecrypt
	EncodeSign    = encodeSign
	EncodeMAC     = encodeMAC
	EncodeVerdict = encodeVerdict
)

// DecodeJSON is the decoder that the lean one must agree with.
func DecodeJSON[B any](body []byte, b *B) error { return decodeJSON(body, b) }

// ReadsLeanly reports whether the lean decoder of encryptions gets by without encoding/json.
func ReadsLeanly(body []byte) bool {
	l, r := lean{body: body}, dsmwire.EncryptRequest{}
	return l.object(func(field []byte) bool { return leanEncrypt(&l, field, &r) }) && l.end()
}
