package operations

import (
	"gatehouse/core/fault"
	"gatehouse/core/keys"
)

// Format is how a key is written down before it is wrapped.
type Format string

// The formats of the API.
const (
	FormatDefault Format = ""      // raw bytes of a symmetric key, of a private key what its backend exports
	FormatPKCS8   Format = "Pkcs8" // PKCS#8 PrivateKeyInfo DER; private keys only
)

// ParseFormat reads a format of the API; Invalid for what nobody knows.
func ParseFormat(s string) (Format, error) {
	switch s {
	case "", "Default":
		return FormatDefault, nil
	case string(FormatPKCS8):
		return FormatPKCS8, nil
	default:
		return "", fault.New(fault.Invalid, "key_format is not one that the API knows")
	}
}

// Wrap encrypts another key, the subject, with this one.
type Wrap struct {
	Mode    Mode
	Hash    Hash   // OAEP: digest and MGF1 hash
	IV      []byte // empty: the backend makes a random one; never for KW and KWP, which have their own
	AD      []byte // GCM, CCM
	TagBits int    // GCM, CCM; 0 means 128
	Label   []byte // OAEP
	Format  Format
}

// Unwrap is the reverse of Wrap: it makes a key.
type Unwrap struct {
	Mode    Mode
	Hash    Hash
	Wrapped []byte
	IV      []byte
	AD      []byte
	Tag     []byte
	Label   []byte
}

// Needs returns OpWrap.
func (Wrap) Needs() keys.Ops { return keys.OpWrap }

// Needs returns OpUnwrap.
func (Unwrap) Needs() keys.Ops { return keys.OpUnwrap }

func (w Wrap) check(k keys.Key) error {
	if w.Format != FormatDefault && w.Format != FormatPKCS8 {
		return fault.New(fault.Invalid, "key_format is not one that the API knows")
	}
	switch k.Type {
	case keys.AES, keys.DES3:
		if err := checkWrapping(w.Mode, k.Type, len(w.IV), true); err != nil {
			return err
		}
		if w.Mode == GCM || w.Mode == CCM {
			if err := checkTagBits(w.Mode, w.TagBits); err != nil {
				return err
			}
		}
		return checkAEADOnly(w.Mode, w.AD, w.Label)
	case keys.RSA:
		if err := checkRSAPadding(w.Mode, w.Hash, w.IV, w.AD, w.Label); err != nil {
			return err
		}
		return checkProtects(k)
	default:
		return wrongKey(w, k)
	}
}

func (u Unwrap) check(k keys.Key) error {
	switch {
	case len(u.Wrapped) == 0:
		return fault.New(fault.Invalid, "wrapped_key is required")
	case len(u.Wrapped) > keys.MaxMaterial:
		return fault.New(fault.Invalid, "wrapped_key is longer than %d bytes", keys.MaxMaterial)
	}
	switch k.Type {
	case keys.AES, keys.DES3:
		if err := checkWrapping(u.Mode, k.Type, len(u.IV), false); err != nil {
			return err
		}
		block := BlockSize(k.Type)
		switch u.Mode {
		case ECB, CBC, CBCNoPad:
			if len(u.Wrapped)%block != 0 {
				return fault.New(fault.Invalid, "wrapped_key must be whole blocks of %d bytes in this mode", block)
			}
		case KW, KWP:
			if len(u.Wrapped)%8 != 0 || len(u.Wrapped) < 16 {
				return fault.New(fault.Invalid, "wrapped_key must be whole blocks of 8 bytes, two at least, in this mode")
			}
		case GCM, CCM:
			if err := checkTagBits(u.Mode, 8*len(u.Tag)); err != nil || len(u.Tag) == 0 {
				return fault.New(fault.Invalid, "tag is required in this mode, and must be 4 to 16 bytes")
			}
		default: // any length will do
		}
		return checkAEADOnly(u.Mode, u.AD, u.Label)
	case keys.RSA:
		return checkRSAPadding(u.Mode, u.Hash, u.IV, u.AD, u.Label)
	default:
		return wrongKey(u, k)
	}
}

// checkWrapping is checkCipher with the modes that are for keys only.
func checkWrapping(m Mode, t keys.Type, ivLen int, wrapping bool) error {
	if m != KW && m != KWP {
		return checkCipher(m, t, ivLen, wrapping)
	}
	if t != keys.AES {
		return fault.New(fault.Invalid, "mode %s is for AES keys only", m)
	}
	if ivLen != 0 {
		return fault.New(fault.Invalid, "iv is not for this mode")
	}
	return nil
}

// CheckSubject reports what forbids wrapping subject with the key k, beyond
// permissions: the rule of the API that no asymmetric key wraps another one, a
// public key, which needs no wrapping, and a format that the subject has not.
func CheckSubject(w Wrap, k, subject keys.Key) error {
	switch {
	case subject.Type.Asymmetric() && k.Type.Asymmetric():
		return fault.New(fault.Invalid, "an asymmetric key cannot be wrapped by an asymmetric key")
	case subject.PublicOnly:
		return fault.New(fault.Invalid, "a public key is not wrapped")
	case w.Format == FormatPKCS8 && !subject.Type.Asymmetric():
		return fault.New(fault.Invalid, "key_format Pkcs8 is for private keys only")
	}
	return nil
}
