package softtoken

// What the tokens cannot do, as patterns over the cases of the conformance suite
// (tokentest.Harness.Refuses): a case that works in spite of its entry fails, so
// that the lists stay true.

// SoftHSMRefuses lists what SoftHSM2 2.6.1 cannot do. It lists CKM_AES_CBC with
// CKF_WRAP and without CKF_UNWRAP. Its 0x210A is RFC 5649 for keys of whole 8
// bytes only, which no private key is by chance.
func SoftHSMRefuses() []string {
	return []string{
		"encrypt AES CTR with an iv that runs over",
		"encrypt AES CCM",
		"encrypt RSA OAEP SHA256*", "encrypt RSA OAEP SHA512", "encrypt RSA OAEP SHA1 with a label",
		"sign RSA PSS SHA3_*",
		"mac HMAC SHA512 with a key shorter than its digest",
		"mac HMAC SHA3_*",
		"wrap AES KWP of *", "wrap AES CBC", "wrap AES CBC with an iv", "unwrap AES CBCNOPAD", "wrap AES ECB", "wrap AES CTR", "wrap AES GCM*", "wrap AES CCM",
		"wrap DES3 CBC", "wrap RSA OAEP SHA256", "wrap RSA OAEP SHA512",
		"derive HMAC *",
	}
}

// SoftHSMForgetsSize is why an unwrapped key's size is not told.
const SoftHSMForgetsSize = "SoftHSM2 keeps no CKA_VALUE_LEN of an unwrapped key"

// NSSRefuses lists what NSS softokn 3.87 cannot do.
func NSSRefuses() []string {
	return []string{
		"generate EC NistP224", "generate EC SecP256K1", "generate EC Ed25519",
		"import EC NistP224*", "import EC Ed25519*",
		"encrypt AES CCM",
		"sign RSA PSS SHA3_*",
		"mac HMAC SHA3_*", "mac DES3 CMAC",
		"wrap AES CTR", "wrap AES GCM*", "wrap AES CCM",
		"unwrap * of EC NistP256", // it wants the public key in an attribute of its own
		"generate EC X25519", "derive AES *",
	}
}
