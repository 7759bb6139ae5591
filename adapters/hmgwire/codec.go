package hmgwire

import (
	"sync"

	"github.com/fxamacker/cbor/v2"

	"gatehouse/core/fault"
)

// The codec is made once, because that is dear; the modes are immutable. The
// options are constants, so that making them cannot fail (a test makes them).

var encMode = sync.OnceValue(func() cbor.UserBufferEncMode {
	m, err := cbor.EncOptions{
		Sort:        cbor.SortNone,
		IndefLength: cbor.IndefLengthForbidden,
		TagsMd:      cbor.TagsForbidden,
	}.UserBufferEncMode()
	if err != nil {
		panic(err)
	}
	return m
})

var decMode = sync.OnceValue(func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  8,
		MaxArrayElements: 4096,
		MaxMapPairs:      64,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		UTF8:             cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
})

// Decode reads body into message, a pointer to one of the messages. Fields
// that it does not know are ignored; anything else that is not exactly one
// message is fault.Invalid.
func Decode(body []byte, message any) error {
	if fastDecode(body, message) {
		return nil
	}
	if err := decMode().Unmarshal(body, message); err != nil {
		return fault.New(fault.Invalid, "the message is not one of the gateway's protocol") // the cause may quote the message
	}
	return nil
}
