package task

import "encoding/binary"

// Blocks formats a message for CCM as NIST SP 800-38C, appendix A, does. The MAC
// is the last block of the CBC encryption, under a zero IV, of auth; CTR beginning
// with counter encrypts first the MAC, in a whole block, and then the message.
// Neither OpenSSL's command nor Go's standard library has CCM, and both have those two.
func Blocks(nonce, ad, message []byte, tag int) (auth, counter []byte) {
	q := 15 - len(nonce)
	first := byte((tag-2)/2<<3 + q - 1)
	if len(ad) > 0 {
		first |= 1 << 6
	}
	length := binary.BigEndian.AppendUint64(nil, uint64(len(message)))
	auth = append(append([]byte{first}, nonce...), length[8-q:]...) // nonces have 7 bytes at least
	if len(ad) > 0 {
		auth = whole(append(binary.BigEndian.AppendUint16(auth, uint16(len(ad))), ad...))
	}
	auth = whole(append(auth, message...))
	counter = append(append([]byte{byte(q - 1)}, nonce...), make([]byte, q)...)
	return auth, counter
}

// whole fills up the last block with zeros.
func whole(b []byte) []byte { return append(b, make([]byte, (16-len(b)%16)%16)...) }
