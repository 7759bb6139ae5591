package pkcs11

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

const ckmAESKeyWrapKWP = 0x210B // RFC 5649; 0x210A is that or another thing

// names are those of the mechanisms that Gatehouse uses.
var names = map[uint]string{
	pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN: "RSA_PKCS_KEY_PAIR_GEN", pkcs11.CKM_RSA_PKCS: "RSA_PKCS",
	pkcs11.CKM_RSA_PKCS_PSS: "RSA_PKCS_PSS", pkcs11.CKM_RSA_PKCS_OAEP: "RSA_PKCS_OAEP",
	pkcs11.CKM_EC_KEY_PAIR_GEN: "EC_KEY_PAIR_GEN", ckmECEdwardsKeyPairGen: "EC_EDWARDS_KEY_PAIR_GEN",
	ckmECMontgomeryPairGen: "EC_MONTGOMERY_KEY_PAIR_GEN", pkcs11.CKM_ECDSA: "ECDSA", ckmEDDSA: "EDDSA",
	pkcs11.CKM_ECDH1_DERIVE: "ECDH1_DERIVE", ckmHKDFDerive: "HKDF_DERIVE",
	pkcs11.CKM_AES_ECB_ENCRYPT_DATA: "AES_ECB_ENCRYPT_DATA", pkcs11.CKM_AES_CBC_ENCRYPT_DATA: "AES_CBC_ENCRYPT_DATA",
	pkcs11.CKM_AES_KEY_GEN: "AES_KEY_GEN", pkcs11.CKM_AES_ECB: "AES_ECB", pkcs11.CKM_AES_CBC: "AES_CBC",
	pkcs11.CKM_AES_CBC_PAD: "AES_CBC_PAD", pkcs11.CKM_AES_CTR: "AES_CTR", pkcs11.CKM_AES_GCM: "AES_GCM",
	pkcs11.CKM_AES_CCM: "AES_CCM", pkcs11.CKM_AES_CMAC: "AES_CMAC", pkcs11.CKM_AES_KEY_WRAP: "AES_KEY_WRAP",
	pkcs11.CKM_AES_KEY_WRAP_PAD: "AES_KEY_WRAP_PAD", ckmAESKeyWrapKWP: "AES_KEY_WRAP_KWP",
	pkcs11.CKM_DES3_KEY_GEN: "DES3_KEY_GEN", pkcs11.CKM_DES3_ECB: "DES3_ECB", pkcs11.CKM_DES3_CBC: "DES3_CBC",
	pkcs11.CKM_DES3_CBC_PAD: "DES3_CBC_PAD", pkcs11.CKM_DES3_CMAC: "DES3_CMAC",
	pkcs11.CKM_GENERIC_SECRET_KEY_GEN: "GENERIC_SECRET_KEY_GEN",
	pkcs11.CKM_SHA_1_HMAC:             "SHA_1_HMAC", pkcs11.CKM_SHA224_HMAC: "SHA224_HMAC", pkcs11.CKM_SHA256_HMAC: "SHA256_HMAC",
	pkcs11.CKM_SHA384_HMAC: "SHA384_HMAC", pkcs11.CKM_SHA512_HMAC: "SHA512_HMAC",
	pkcs11.CKM_SHA3_224_HMAC: "SHA3_224_HMAC", pkcs11.CKM_SHA3_256_HMAC: "SHA3_256_HMAC",
	pkcs11.CKM_SHA3_384_HMAC: "SHA3_384_HMAC", pkcs11.CKM_SHA3_512_HMAC: "SHA3_512_HMAC",
}

// mechanismName returns CKM_… for those that Gatehouse uses, the number for others.
func mechanismName(n uint) string {
	if name, ok := names[n]; ok {
		return "CKM_" + name
	}
	return fmt.Sprintf("0x%08X", n)
}

// offer says whether a mechanism list, as read with its flags, has what a task needs.
func offer(task hsm.Task, list map[uint]pkcs11.MechanismInfo) hsm.Offer {
	o := hsm.Offer{Task: task}
	if task.Does == hsm.TaskImport {
		o.Listed = true // C_CreateObject has no mechanism: only a try tells
		return o
	}
	numbers, flags := mechanismsOf(task)
	if len(numbers) == 0 {
		o.Why = "Gatehouse has no mechanism for it"
		return o
	}
	for _, n := range numbers {
		info, ok := list[n]
		why := ""
		switch {
		case !ok:
			why = "not in the list"
		case info.Flags&flags != flags:
			why = "listed, but not for this"
		case task.Does == hsm.TaskGenerate && !within(task, n, info):
			why = fmt.Sprintf("sizes are %d to %d", info.MinKeySize, info.MaxKeySize)
		}
		if why == "" {
			return hsm.Offer{Task: task, Mechanism: mechanismName(n), Listed: true}
		}
		if o.Mechanism == "" {
			o.Mechanism, o.Why = mechanismName(n), why
		}
	}
	return o
}

// within reports whether the task's size is among those that a generator makes.
func within(task hsm.Task, number uint, info pkcs11.MechanismInfo) bool {
	bits := task.Size
	if task.Type == keys.EC {
		bits = task.Curve.Bits()
	}
	lo, hi := bounds(info.MinKeySize, info.MaxKeySize, generators[number].unit)
	return (lo == 0 || bits >= lo) && (hi == 0 || bits <= hi)
}

// mechanismsOf returns the mechanisms that can do a task, the best first, and the
// flags that it must have.
func mechanismsOf(task hsm.Task) (numbers []uint, flags uint) {
	edwards, montgomery := task.Curve == keys.Ed25519, task.Curve == keys.X25519
	switch task.Does {
	case hsm.TaskGenerate:
		switch {
		case edwards:
			return []uint{ckmECEdwardsKeyPairGen}, pkcs11.CKF_GENERATE_KEY_PAIR
		case montgomery:
			return []uint{ckmECMontgomeryPairGen, ckmECEdwardsKeyPairGen}, pkcs11.CKF_GENERATE_KEY_PAIR
		case task.Type == keys.EC:
			return []uint{pkcs11.CKM_EC_KEY_PAIR_GEN}, pkcs11.CKF_GENERATE_KEY_PAIR
		case task.Type == keys.RSA:
			return []uint{pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN}, pkcs11.CKF_GENERATE_KEY_PAIR
		}
		for n, g := range generators {
			if g.typ == task.Type {
				return []uint{n}, pkcs11.CKF_GENERATE
			}
		}
	case hsm.TaskSign:
		switch {
		case edwards:
			return []uint{ckmEDDSA}, pkcs11.CKF_SIGN
		case task.Type == keys.EC:
			return []uint{pkcs11.CKM_ECDSA}, pkcs11.CKF_SIGN
		case task.Mode == operations.PSS:
			return []uint{pkcs11.CKM_RSA_PKCS_PSS}, pkcs11.CKF_SIGN
		case task.Type == keys.RSA:
			return []uint{pkcs11.CKM_RSA_PKCS}, pkcs11.CKF_SIGN
		}
	case hsm.TaskEncrypt:
		if task.Type == keys.RSA {
			if m, err := rsaMechanism(task.Mode, task.Hash, nil); err == nil {
				return []uint{m.Type}, pkcs11.CKF_DECRYPT // encrypting can be done without the token
			}
		}
		if n, ok := cipherMechanisms[task.Type][task.Mode]; ok {
			return []uint{n}, pkcs11.CKF_ENCRYPT | pkcs11.CKF_DECRYPT
		}
	case hsm.TaskMAC:
		if m, _, err := macMechanism(task.Type, task.Hash); err == nil {
			return []uint{m.Type}, pkcs11.CKF_SIGN
		}
	case hsm.TaskWrap:
		switch task.Mode { //nolint:exhaustive // the others are encryptions
		case operations.KW:
			return []uint{pkcs11.CKM_AES_KEY_WRAP}, pkcs11.CKF_WRAP | pkcs11.CKF_UNWRAP
		case operations.KWP: // which 0x210A is, only a try tells
			return []uint{ckmAESKeyWrapKWP, pkcs11.CKM_AES_KEY_WRAP_PAD}, pkcs11.CKF_WRAP | pkcs11.CKF_UNWRAP
		}
		if m, err := rsaMechanism(task.Mode, task.Hash, nil); err == nil && task.Type == keys.RSA {
			return []uint{m.Type}, pkcs11.CKF_WRAP | pkcs11.CKF_UNWRAP
		}
		if n, ok := cipherMechanisms[task.Type][task.Mode]; ok {
			return []uint{n}, pkcs11.CKF_WRAP | pkcs11.CKF_UNWRAP
		}
	case hsm.TaskAgree:
		return []uint{pkcs11.CKM_ECDH1_DERIVE}, pkcs11.CKF_DERIVE
	case hsm.TaskDerive:
		if n, ok := dataMechanisms[task.Type][task.Mode]; ok {
			return []uint{n}, pkcs11.CKF_DERIVE
		}
		return []uint{ckmHKDFDerive}, pkcs11.CKF_DERIVE
	}
	return nil, 0
}
