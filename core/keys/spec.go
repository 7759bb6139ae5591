package keys

import (
	"slices"
	"strings"
	"time"

	"gatehouse/core/fault"
)

// Limits of what a request may ask for.
const (
	MaxName     = 4096      // bytes of a name
	MaxMaterial = 64 * 1024 // bytes of imported material
)

// CheckName reports what is wrong with the name of a key, and of whatever else
// people name.
func CheckName(name string) error {
	if strings.TrimSpace(name) == "" || len(name) > MaxName || strings.ContainsAny(name, "\n\x00") {
		return fault.New(fault.Invalid, "name must be one line of 1 to %d bytes", MaxName)
	}
	return nil
}

// Spec is what somebody asks a new key to be.
type Spec struct {
	Name           string
	Description    string
	Type           Type
	Size           int      // bits; may be 0 where the type or the imported material tells it
	Curve          Curve    // EC only
	ParamSet       ParamSet // MLDSA and MLKEM only
	Ops            Ops      // 0 means DefaultOps; stays 0 when the curve is not known before an import
	RSA            RSAOptions
	Paddings       RSAPaddings   // RSA only; what is not given gets the default of a new key
	Cipher         CipherOptions // AES and DES3 only
	Export         ExportPolicy
	Enabled        bool
	ActivationDate time.Time // zero: active at once, unless State is PreActive
	Deactivation   time.Time
	State          State // empty, or PreActive: not active before it is activated, or ActivationDate comes
	Rotation       *RotationPolicy
	Metadata       map[string]string
}

// CheckGenerate reports what is wrong with s as an order to make a key, as
// Invalid or Unsupported, and returns it with its defaults filled in.
func (s Spec) CheckGenerate() (Spec, error) {
	switch s.Type {
	case AES:
		if s.Size != 128 && s.Size != 192 && s.Size != 256 {
			return s, fault.New(fault.Invalid, "key_size of an AES key must be 128, 192 or 256")
		}
	case DES3:
		if s.Size != 112 && s.Size != 168 {
			return s, fault.New(fault.Invalid, "key_size of a DES3 key must be 112 or 168")
		}
	case RSA:
		if s.Size < 2048 || s.Size > 8192 || s.Size%8 != 0 {
			return s, fault.New(fault.Invalid, "key_size of a new RSA key must be a multiple of 8 from 2048 to 8192")
		}
		if s.RSA.PublicExponent == 0 {
			s.RSA.PublicExponent = 65537
		}
		if e := s.RSA.PublicExponent; e < 65537 || e%2 == 0 {
			return s, fault.New(fault.Invalid, "public exponent of a new RSA key must be odd and at least 65537")
		}
	case EC:
		if s.Curve == "" {
			return s, fault.New(fault.Invalid, "elliptic_curve is required for an EC key")
		}
	case HMAC:
		if s.Size < 112 || s.Size > 8192 || s.Size%8 != 0 {
			return s, fault.New(fault.Invalid, "key_size of a HMAC key must be a multiple of 8 from 112 to 8192")
		}
	case MLDSA, MLKEM:
		if s.ParamSet == "" {
			return s, fault.New(fault.Invalid, "param_set is required for a key of type %s", s.Type)
		}
	case Secret, Opaque, Certificate:
		return s, fault.New(fault.Invalid, "objects of type %s can only be imported", s.Type)
	default:
		return s, fault.New(fault.Invalid, "obj_type is required")
	}
	return s.check()
}

// CheckDerive reports what is wrong with s as an order to derive a key, to agree
// on one or to take it out of its capsule, and returns it with its defaults
// filled in. Where s gives no size, the key has as many bits as the operation
// yields by itself; yields is 0 for an operation that yields as many as are
// asked for.
func (s Spec) CheckDerive(yields int) (Spec, error) {
	if s.Size == 0 {
		s.Size = yields
	}
	switch s.Type {
	case AES, DES3, HMAC:
		return s.CheckGenerate()
	case Secret:
		if s.Size < 8 || s.Size > 8*MaxMaterial || s.Size%8 != 0 {
			return s, fault.New(fault.Invalid, "key_size of a derived secret must be a multiple of 8 from 8 to %d", 8*MaxMaterial)
		}
		return s.check()
	case "":
		return s, fault.New(fault.Invalid, "key_type is required")
	default:
		return s, fault.New(fault.Invalid, "objects of type %s cannot be derived", s.Type)
	}
}

// CheckImport reports what is wrong with s as an order to import size bytes of
// material, and returns it with its defaults filled in. The key's own size, and
// an RSA key's public exponent where none is given, are known only to who reads
// the material.
func (s Spec) CheckImport(size int) (Spec, error) {
	if s.Type == "" {
		return s, fault.New(fault.Invalid, "obj_type is required")
	}
	if size == 0 {
		return s, fault.New(fault.Invalid, "value is required")
	}
	if size > MaxMaterial {
		return s, fault.New(fault.Invalid, "value is longer than %d bytes", MaxMaterial)
	}
	return s.check()
}

func (s Spec) check() (Spec, error) {
	if err := CheckName(s.Name); err != nil {
		return s, err
	}
	if s.Type != EC && s.Curve != "" {
		return s, fault.New(fault.Invalid, "elliptic_curve is for EC keys only")
	}
	if s.ParamSet != "" && !slices.Contains(ParamSets(s.Type), s.ParamSet) {
		return s, fault.New(fault.Invalid, "param_set is not one of this type of key")
	}
	if len(ParamSets(s.Type)) != 0 && s.Size != 0 {
		return s, fault.New(fault.Invalid, "key_size is not for keys of type %s, whose size param_set tells", s.Type)
	}
	if s.Type == EC && s.Curve != "" {
		if bits := s.Curve.Bits(); s.Size != 0 && s.Size != bits {
			return s, fault.New(fault.Invalid, "key_size does not fit the curve")
		}
		s.Size = s.Curve.Bits()
	}
	if s.Type != AES && s.Type != DES3 && s.Cipher != (CipherOptions{}) {
		return s, fault.New(fault.Invalid, "cipher_mode and random_iv are for AES and DES3 keys only")
	}
	var err error
	if s.Paddings, err = s.Paddings.ofNewKey(s.Type); err != nil {
		return s, err
	}
	if s.Type != EC || s.Curve != "" { // otherwise the imported material tells; see OnCurve
		if s, err = s.OnCurve(s.Curve); err != nil {
			return s, err
		}
	}
	if err := s.Export.Check(); err != nil {
		return s, err
	}
	if !s.Deactivation.IsZero() && !s.ActivationDate.IsZero() && s.Deactivation.Before(s.ActivationDate) {
		return s, fault.New(fault.Invalid, "deactivation_date is before activation_date")
	}
	return s, nil
}

// OnCurve returns s for a key that turned out to be on curve c (empty for a
// type without curves), with the operations filled in that were left to their
// default; Invalid when s asks for operations that are not possible there.
// Whoever imports a key of a Spec without a curve calls it.
func (s Spec) OnCurve(c Curve) (Spec, error) {
	s.Curve = c
	if s.Ops == 0 {
		s.Ops = DefaultOps(s.Type, c)
	}
	if extra := s.Ops &^ PossibleOps(s.Type, c); extra != 0 {
		return s, fault.New(fault.Invalid, "key_ops %s are not possible for this type of key", strings.Join(extra.Names(), ", "))
	}
	return s, nil
}
