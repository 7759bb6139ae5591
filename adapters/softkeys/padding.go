package softkeys

import "crypto/subtle"

// pad appends the padding of PKCS#7 (RFC 5652, 6.3) to b, in place where b has room.
func pad(b []byte, block int) []byte {
	n := block - len(b)%block
	for range n {
		b = append(b, byte(n))
	}
	return b
}

// unpad removes the padding of PKCS#7 in time that depends on len(b) alone.
// Whether it succeeds cannot be hidden from the caller, who asked for the
// plaintext: who may have CBC ciphertexts decrypted, and sees whether that
// succeeds, can learn plaintexts by asking often (Vaudenay 2002). Only
// authenticated modes are free of that.
func unpad(b []byte, block int) ([]byte, bool) {
	if len(b) == 0 || len(b)%block != 0 {
		return nil, false
	}
	n := int(b[len(b)-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, block)
	for i := 1; i <= block; i++ {
		within := subtle.ConstantTimeLessOrEq(i, n)
		same := subtle.ConstantTimeByteEq(b[len(b)-i], byte(n))
		good &= subtle.ConstantTimeSelect(within, same, 1)
	}
	if good != 1 {
		return nil, false
	}
	return b[:len(b)-n], true
}
