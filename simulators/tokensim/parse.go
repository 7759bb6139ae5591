package tokensim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

func notAsSaid() error {
	return fault.New(fault.Invalid, "the value is not a key of the type and size given")
}

// parse reads what Import takes.
func parse(tpl hsm.Template, value secret.Value) (material, error) {
	raw := value.Reveal(reveal.Permit{})
	switch tpl.Type {
	case keys.AES, keys.DES3, keys.HMAC, keys.Secret:
		if !goodLength(tpl, len(raw)) {
			return material{}, notAsSaid()
		}
		return material{secret: append([]byte{}, raw...)}, nil
	case keys.RSA, keys.EC:
		if tpl.Curve == keys.Secp256k1 {
			return material{}, unsupported()
		}
		m, err := parsePair(tpl.Private, raw)
		if err != nil {
			return material{}, err
		}
		o := &object{material: m}
		if err := o.describePublic(); err != nil {
			return material{}, err
		}
		if o.Type != tpl.Type || tpl.Curve != "" && o.Curve != tpl.Curve || tpl.Size != 0 && o.Size != tpl.Size {
			return material{}, notAsSaid()
		}
		return m, nil
	default:
		return material{}, unsupported()
	}
}

func goodLength(tpl hsm.Template, n int) bool {
	switch tpl.Type {
	case keys.AES:
		return (n == 16 || n == 24 || n == 32) && (tpl.Size == 0 || tpl.Size == 8*n)
	case keys.DES3:
		return (n == 16 || n == 24) && (tpl.Size == 0 || tpl.Size == 7*n)
	default:
		return n > 0 && (tpl.Size == 0 || tpl.Size == 8*n)
	}
}

func parsePair(private bool, raw []byte) (material, error) {
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(raw, &whole); err != nil || len(rest) != 0 {
		return material{}, notAsSaid()
	}
	if !private {
		pub, err := x509.ParsePKIXPublicKey(raw)
		if err != nil {
			return material{}, notAsSaid()
		}
		return material{public: pub}, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return material{}, notAsSaid()
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return material{private: k, public: k.Public()}, nil
	case *ecdsa.PrivateKey:
		return material{private: k, public: k.Public()}, nil
	case ed25519.PrivateKey:
		return material{private: k, public: k.Public()}, nil
	case *ecdh.PrivateKey:
		return material{agree: k, public: k.PublicKey()}, nil
	default:
		return material{}, unsupported()
	}
}

// describe fills in what o leaves open and its material tells.
func (s *Slot) describe(o *object) {
	if o.Class != hsm.SecretKey {
		_ = o.describePublic() // parse has been through it
		return
	}
	if o.Size == 0 {
		o.Size = 8 * len(o.secret)
		if o.Type == keys.DES3 {
			o.Size = 7 * len(o.secret)
		}
	}
	if o.CheckValue == nil && !s.opts.NoCheckValues && (o.Type == keys.AES || o.Type == keys.DES3) {
		if b, err := o.block(); err == nil {
			zeros := make([]byte, b.BlockSize())
			b.Encrypt(zeros, zeros)
			o.CheckValue = zeros[:3]
		}
	}
}

// describePublic fills in type, curve, size and public key from o's public
// part. As in real tokens a private EC object does not carry its public point.
func (o *object) describePublic() error {
	switch p := o.public.(type) {
	case *rsa.PublicKey:
		o.Type, o.Size = keys.RSA, p.N.BitLen()
	case *ecdsa.PublicKey:
		o.Type, o.Curve = keys.EC, curveOf(p.Curve)
		o.Size = o.Curve.Bits()
	case ed25519.PublicKey:
		o.Type, o.Curve, o.Size = keys.EC, keys.Ed25519, keys.Ed25519.Bits()
	case *ecdh.PublicKey:
		o.Type, o.Curve, o.Size = keys.EC, keys.X25519, keys.X25519.Bits()
	default:
		return unsupported()
	}
	if o.Class == hsm.PrivateKey && o.Type == keys.EC {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(o.public)
	if err != nil {
		return unsupported()
	}
	o.PublicKey = der
	return nil
}

// block is the cipher of a symmetric key.
func (o *object) block() (cipher.Block, error) {
	if o.Type == keys.DES3 {
		k := o.secret
		if len(k) == 16 {
			k = append(append([]byte{}, k...), k[:8]...)
		}
		return des.NewTripleDESCipher(k)
	}
	return aes.NewCipher(o.secret)
}

var curves = map[keys.Curve]elliptic.Curve{
	keys.P224: elliptic.P224(), keys.P256: elliptic.P256(), keys.P384: elliptic.P384(), keys.P521: elliptic.P521(),
}

func goCurve(c keys.Curve) elliptic.Curve { return curves[c] }

func curveOf(c elliptic.Curve) keys.Curve {
	for name, known := range curves {
		if known == c {
			return name
		}
	}
	return ""
}
