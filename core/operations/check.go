package operations

import (
	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// MaxInput is the longest input of one operation in bytes; longer ones stream.
const MaxInput = 1 << 20

// Check reports what is wrong with op for key k, as Invalid or Unsupported: a
// mode of another kind of key, a missing or badly sized parameter. It does not
// look at permissions or state.
func Check(op Operation, k keys.Key) error { return op.check(k) }

func wrongKey(op Operation, k keys.Key) error {
	return fault.New(fault.Invalid, "a key of type %s cannot %s", k.Type, Name(op))
}

func tooLong(b []byte) error {
	if len(b) > MaxInput {
		return fault.New(fault.Invalid, "input is longer than %d bytes", MaxInput)
	}
	return nil
}

// BlockSize returns the block size in bytes of a symmetric key's cipher.
func BlockSize(t keys.Type) int {
	if t == keys.DES3 {
		return 8
	}
	return 16
}

func (e Encrypt) check(k keys.Key) error {
	if err := tooLong(e.Plain); err != nil {
		return err
	}
	block := BlockSize(k.Type)
	switch k.Type {
	case keys.AES, keys.DES3:
		if err := checkCipher(e.Mode, k.Type, len(e.IV), true); err != nil {
			return err
		}
		switch e.Mode {
		case ECB, CBCNoPad:
			if len(e.Plain)%block != 0 {
				return fault.New(fault.Invalid, "plain must be whole blocks of %d bytes in this mode", block)
			}
		case GCM, CCM:
			if err := checkTagBits(e.Mode, e.TagBits); err != nil {
				return err
			}
		default: // any length will do
		}
		return checkAEADOnly(e.Mode, e.AD, e.Label)
	case keys.RSA:
		if err := checkRSAPadding(e.Mode, e.Hash, e.IV, e.AD, e.Label); err != nil {
			return err
		}
		return checkProtects(k)
	default:
		return wrongKey(e, k)
	}
}

func (d Decrypt) check(k keys.Key) error {
	block := BlockSize(k.Type)
	if len(d.Cipher) > MaxInput+block { // what CBC makes of the longest input
		return fault.New(fault.Invalid, "input is longer than %d bytes", MaxInput+block)
	}
	switch k.Type {
	case keys.AES, keys.DES3:
		if err := checkCipher(d.Mode, k.Type, len(d.IV), false); err != nil {
			return err
		}
		switch d.Mode {
		case ECB, CBCNoPad, CBC:
			if len(d.Cipher)%block != 0 {
				return fault.New(fault.Invalid, "cipher must be whole blocks of %d bytes in this mode", block)
			}
		case GCM, CCM:
			if err := checkTagBits(d.Mode, 8*len(d.Tag)); err != nil || len(d.Tag) == 0 {
				return fault.New(fault.Invalid, "tag is required in this mode, and must be 4 to 16 bytes")
			}
		default: // any length will do
		}
		return checkAEADOnly(d.Mode, d.AD, d.Label)
	case keys.RSA:
		return checkRSAPadding(d.Mode, d.Hash, d.IV, d.AD, d.Label)
	default:
		return wrongKey(d, k)
	}
}

func checkCipher(m Mode, t keys.Type, ivLen int, encrypting bool) error {
	switch m {
	case ECB:
		if ivLen != 0 {
			return fault.New(fault.Invalid, "iv is not for this mode")
		}
		return nil
	case CBC, CBCNoPad:
	case CTR, GCM, CCM:
		if t != keys.AES {
			return fault.New(fault.Invalid, "mode %s is for AES keys only", m)
		}
	case KW, KWP:
		return fault.New(fault.Invalid, "mode %s wraps keys; use wrapkey", m)
	case "":
		return fault.New(fault.Invalid, "mode is required")
	default:
		return fault.New(fault.Invalid, "mode is not for a block cipher")
	}
	if ivLen == 0 {
		if encrypting {
			return nil
		}
		return fault.New(fault.Invalid, "iv is required in this mode")
	}
	switch m {
	case GCM:
		if ivLen > 256 {
			return fault.New(fault.Invalid, "iv must be 1 to 256 bytes in this mode")
		}
	case CCM:
		if ivLen < 7 || ivLen > 13 {
			return fault.New(fault.Invalid, "iv must be 7 to 13 bytes in this mode")
		}
	default:
		if ivLen != BlockSize(t) {
			return fault.New(fault.Invalid, "iv must be %d bytes in this mode", BlockSize(t))
		}
	}
	return nil
}

func checkTagBits(m Mode, bits int) error {
	switch {
	case bits == 0:
		return nil
	case m == GCM && (bits == 32 || bits == 64 || (bits >= 96 && bits <= 128 && bits%8 == 0)):
		return nil
	case m == CCM && bits >= 32 && bits <= 128 && bits%16 == 0:
		return nil
	default:
		return fault.New(fault.Invalid, "tag_len is not possible in this mode")
	}
}

func checkAEADOnly(m Mode, ad, label []byte) error {
	if len(label) != 0 {
		return fault.New(fault.Invalid, "label is for OAEP only")
	}
	if len(ad) != 0 && m != GCM && m != CCM {
		return fault.New(fault.Invalid, "ad is for GCM and CCM only")
	}
	return nil
}

func checkRSAPadding(m Mode, h Hash, iv, ad, label []byte) error {
	if len(iv) != 0 || len(ad) != 0 {
		return fault.New(fault.Invalid, "iv and ad are not for RSA")
	}
	switch m {
	case OAEP:
		if h.Size() == 0 {
			return fault.New(fault.Invalid, "OAEP needs the hash of its mask generation function")
		}
		return nil
	case PKCS1v15:
		if len(label) != 0 {
			return fault.New(fault.Invalid, "label is for OAEP only")
		}
		return nil
	default:
		return fault.New(fault.Invalid, "mode is not a padding for RSA encryption")
	}
}

// minRSA is the size in bits from which an RSA key protects anything. Shorter
// ones undo and verify what they protected before (NIST SP 800-131A, sections 3
// and 6), wherever they are kept.
const minRSA = 2048

func checkProtects(k keys.Key) error {
	if k.Type == keys.RSA && k.Size != 0 && k.Size < minRSA {
		return fault.New(fault.Unsupported, "RSA keys shorter than %d bits only verify and decrypt", minRSA)
	}
	return nil
}

func (s Sign) check(k keys.Key) error {
	if err := checkContext(k, s.Context); err != nil {
		return err
	}
	if err := checkSigning(s, k, s.Hash, s.Mode, s.Prehashed, s.Input); err != nil {
		return err
	}
	return checkProtects(k)
}

func (v Verify) check(k keys.Key) error {
	if len(v.Signature) > maxSignature {
		return fault.New(fault.Invalid, "signature is longer than any signature")
	}
	if err := checkContext(k, v.Context); err != nil {
		return err
	}
	return checkSigning(v, k, v.Hash, v.Mode, v.Prehashed, v.Input)
}

// maxSignature is longer in bytes than the signatures of ML-DSA-87 (FIPS 204,
// table 2), which are the longest.
const maxSignature = 5000

func checkContext(k keys.Key, context []byte) error {
	switch {
	case len(context) != 0 && k.Type != keys.MLDSA:
		return fault.New(fault.Invalid, "context is for ML-DSA only")
	case len(context) > 255:
		return fault.New(fault.Invalid, "context must be at most 255 bytes")
	}
	return nil
}

func checkSigning(op Operation, k keys.Key, h Hash, m Mode, prehashed bool, input []byte) error {
	if err := tooLong(input); err != nil {
		return err
	}
	switch {
	case k.Type == keys.MLDSA:
		if prehashed || h != NoHash {
			return fault.New(fault.Invalid, "ML-DSA signs data, not a hash")
		}
		if m != "" {
			return fault.New(fault.Invalid, "mode is for RSA only")
		}
		return nil
	case k.Type == keys.EC && k.Curve == keys.Ed25519:
		if prehashed {
			return fault.New(fault.Invalid, "Ed25519 signs data, not a hash")
		}
		if m != "" {
			return fault.New(fault.Invalid, "mode is for RSA only")
		}
		return nil
	case k.Type == keys.EC && k.Curve == keys.X25519:
		return wrongKey(op, k)
	case k.Type == keys.EC:
		if m != "" {
			return fault.New(fault.Invalid, "mode is for RSA only")
		}
	case k.Type == keys.RSA:
		if m != PKCS1v15 && m != PSS {
			return fault.New(fault.Invalid, "mode is not a padding for RSA signatures")
		}
	default:
		return wrongKey(op, k)
	}
	if h.Size() == 0 {
		return fault.New(fault.Invalid, "hash_alg is required")
	}
	if prehashed && len(input) != h.Size() {
		return fault.New(fault.Invalid, "hash must be %d bytes for %s", h.Size(), h)
	}
	return nil
}

func (m MAC) check(k keys.Key) error { return checkMAC(m, k, m.Hash, m.Data) }

func (m MACVerify) check(k keys.Key) error {
	if len(m.MAC) == 0 || len(m.MAC) > 64 {
		return fault.New(fault.Invalid, "mac must be 1 to 64 bytes")
	}
	return checkMAC(m, k, m.Hash, m.Data)
}

func checkMAC(op Operation, k keys.Key, h Hash, data []byte) error {
	if err := tooLong(data); err != nil {
		return err
	}
	switch k.Type {
	case keys.HMAC:
		if h.Size() == 0 {
			return fault.New(fault.Invalid, "alg is required for HMAC keys")
		}
	case keys.AES, keys.DES3:
		if h != NoHash {
			return fault.New(fault.Invalid, "alg is for HMAC keys only; an %s key makes a CMAC", k.Type)
		}
	default:
		return wrongKey(op, k)
	}
	return nil
}
