package vectors

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/adapters/dsmwire"
)

// wycheproofFile is what is read of a file of Wycheproof.
type wycheproofFile struct {
	Algorithm  string            `json:"algorithm"`
	TestGroups []wycheproofGroup `json:"testGroups"`
}

type wycheproofGroup struct {
	Type            string           `json:"type"`
	Sha             string           `json:"sha"`
	MGFSha          string           `json:"mgfSha"`
	SaltLen         int              `json:"sLen"`
	TagSize         int              `json:"tagSize"` // bits
	Curve           string           `json:"curve"`
	PublicKey       json.RawMessage  `json:"publicKey"` // of EC keys an object that tells the curve
	PublicKeyDer    string           `json:"publicKeyDer"`
	PrivateKeyPkcs8 string           `json:"privateKeyPkcs8"`
	Tests           []wycheproofTest `json:"tests"`
}

type wycheproofTest struct {
	ID      int    `json:"tcId"`
	Comment string `json:"comment"`
	Result  string `json:"result"` // valid, invalid, acceptable

	Key     string          `json:"key"`
	IV      string          `json:"iv"`
	AAD     string          `json:"aad"`
	Msg     json.RawMessage `json:"msg"` // text, but for formats that are not played
	CT      json.RawMessage `json:"ct"`
	Tag     string          `json:"tag"`
	Sig     json.RawMessage `json:"sig"`
	Label   string          `json:"label"`
	Context string          `json:"ctx"`
	Public  json.RawMessage `json:"public"`
	Private json.RawMessage `json:"private"`
	Shared  string          `json:"shared"`
	IKM     string          `json:"ikm"`
	Salt    string          `json:"salt"`
	Info    string          `json:"info"`
	OKM     string          `json:"okm"`
}

// wycheproof reads a file of Wycheproof.
func wycheproof(_ string, raw []byte, f *File) error {
	var w wycheproofFile
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	for _, g := range w.TestGroups {
		if len(g.Tests) == 0 {
			continue
		}
		cases, reason := casesOf(w.Algorithm, g)
		if reason != "" {
			f.leave(reason, len(g.Tests))
			continue
		}
		for _, t := range g.Tests {
			list, err := cases(t)
			if err != nil {
				return fmt.Errorf("test %d: %w", t.ID, err)
			}
			for _, c := range list {
				c.Name = fmt.Sprintf("%d (%s)", t.ID, t.Comment)
				f.Cases = append(f.Cases, c)
			}
		}
	}
	return nil
}

// casesOf returns what makes cases of the tests of a group, or why there is nothing.
func casesOf(algorithm string, g wycheproofGroup) (func(wycheproofTest) ([]Case, error), string) {
	unhex := &unhexer{}
	switch g.Type {
	case "AeadTest":
		mode, known := map[string]string{"AES-GCM": "GCM", "AES-CCM": "CCM"}[algorithm]
		if !known {
			return nil, "the API has no " + algorithm
		}
		return unhex.cases(func(t wycheproofTest) []Case { return unhex.cipher(mode, t) }), ""
	case "IndCpaTest":
		if algorithm != "AES-CBC-PKCS5" {
			return nil, "the API has no " + algorithm
		}
		return unhex.cases(func(t wycheproofTest) []Case { return unhex.cipher("CBC", t) }), ""
	case "KeywrapTest":
		mode, known := map[string]string{"AES-WRAP": "KW", "AES-KWP": "KWP"}[algorithm]
		if !known {
			return nil, "the API has no " + algorithm
		}
		return unhex.cases(func(t wycheproofTest) []Case { return unhex.wrap(mode, t) }), ""
	case "MacTest":
		return unhex.macs(algorithm, g)
	case "EcdsaVerify", "EddsaVerify", "RsassaPkcs1Verify", "RsassaPssVerify", "MlDsaVerify":
		return unhex.signatures(g)
	case "RsassaPssWithParametersVerify":
		return nil, "no RSA keys that their SubjectPublicKeyInfo binds to PSS"
	case "RsassaPkcs1Generate":
		return unhex.signing(g)
	case "RsaesOaepDecrypt", "RsaesPkcs1Decrypt":
		return unhex.decryption(g)
	case "EcdhTest", "XdhAsnComp":
		return unhex.agreement(g)
	case "EcdsaP1363Verify":
		return nil, "the API's ECDSA signatures are ASN.1, not of IEEE P1363's format"
	case "EcdhEcpointTest", "EcdhPemTest", "EcdhWebcryptoTest", "XdhComp", "XdhPemComp", "XdhJwkComp":
		return nil, "the API's public keys are SubjectPublicKeyInfo (the same tests are there in that format)"
	case "HkdfTest":
		return unhex.derivation(algorithm)
	case "MlDsaSign", "MLKEMTest", "MLKEMEncapsTest", "MLKEMKeyGen", "MLKEMDecapsValidationTest":
		return nil, "no player for vectors of type " + g.Type
	case "FpeStrTest", "FpeListTest":
		return nil, "no format-preserving encryption"
	default:
		return nil, "the API has no call for vectors of type " + g.Type
	}
}

// want is what a result means.
func want(result string) Want {
	switch result {
	case "valid":
		return Agrees
	case "invalid":
		return Refuses
	default:
		return Either
	}
}

// unhexer reads hexadecimal text and keeps the first error.
type unhexer struct{ err error }

func (u *unhexer) hex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil && u.err == nil {
		u.err = err
	}
	return b
}

func (u *unhexer) text(raw json.RawMessage) []byte {
	s, err := strconv.Unquote(string(raw))
	if err != nil && u.err == nil {
		u.err = err
	}
	return u.hex(s)
}

// cases makes of f a function that tells what could not be read.
func (u *unhexer) cases(f func(wycheproofTest) []Case) func(wycheproofTest) ([]Case, error) {
	return func(t wycheproofTest) ([]Case, error) {
		u.err = nil
		return f(t), u.err
	}
}

// both is decryption, and encryption where the vector is valid.
func both(c Case, there, back Act, plain, sealed []byte) []Case {
	c.Act, c.In, c.Out = back, sealed, plain
	list := []Case{c}
	if c.Want == Agrees {
		c.Act, c.In, c.Out = there, plain, sealed
		list = append(list, c)
	}
	return list
}

// made is verification of what is in Out, and making it where that is valid.
func made(c Case, there, back Act) []Case {
	c.Act = back
	list := []Case{c}
	if c.Want == Agrees {
		c.Act = there
		list = append(list, c)
	}
	return list
}

func (u *unhexer) cipher(mode string, t wycheproofTest) []Case {
	c := Case{
		Want: want(t.Result), Type: "AES", Key: u.hex(t.Key), Mode: &dsmwire.Mode{Name: mode},
		IV: u.hex(t.IV), AD: u.hex(t.AAD), Tag: u.hex(t.Tag),
	}
	return both(c, Encrypt, Decrypt, u.text(t.Msg), u.text(t.CT))
}

func (u *unhexer) wrap(mode string, t wycheproofTest) []Case {
	c := Case{Want: want(t.Result), Type: "AES", Key: u.hex(t.Key), Mode: &dsmwire.Mode{Name: mode}}
	return both(c, Wrap, Unwrap, u.text(t.Msg), u.text(t.CT))
}

// hashName is the API's name of a hash; empty when it has none.
func hashName(s string) string {
	switch name := strings.ReplaceAll(strings.Replace(s, "SHA-", "SHA", 1), "SHA3-", "SHA3_"); name {
	case "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3_224", "SHA3_256", "SHA3_384", "SHA3_512":
		return name
	default:
		return ""
	}
}

// hashSizes are in bits.
var hashSizes = map[string]int{
	"SHA1": 160, "SHA224": 224, "SHA256": 256, "SHA384": 384, "SHA512": 512,
	"SHA3_224": 224, "SHA3_256": 256, "SHA3_384": 384, "SHA3_512": 512,
}

func (u *unhexer) macs(algorithm string, g wycheproofGroup) (func(wycheproofTest) ([]Case, error), string) {
	c := Case{Type: "AES"}
	full := 128
	if algorithm != "AES-CMAC" {
		hash, hmac := strings.CutPrefix(algorithm, "HMAC")
		if c.Hash = hashName(hash); c.Hash == "" || !hmac {
			return nil, "the API has no " + algorithm
		}
		c.Type, full = "HMAC", hashSizes[c.Hash]
	}
	if g.TagSize != full {
		return nil, "the API has no truncated MACs"
	}
	return u.cases(func(t wycheproofTest) []Case {
		c := c
		c.Want, c.Key = want(t.Result), u.hex(t.Key)
		c.In, c.Out = u.text(t.Msg), u.hex(t.Tag)
		return made(c, MAC, VerifyMAC)
	}), ""
}

func (u *unhexer) signatures(g wycheproofGroup) (func(wycheproofTest) ([]Case, error), string) {
	c := Case{Act: Verify, Type: "EC", Hash: hashName(g.Sha), Key: u.hex(g.PublicKeyDer)}
	if g.Sha != "" && c.Hash == "" {
		return nil, "the API has no signatures with " + g.Sha
	}
	switch {
	case g.Type == "MlDsaVerify":
		c.Type = "MLDSA"
	case g.Type == "RsassaPkcs1Verify":
		c.Type, c.Mode = "RSA", &dsmwire.Mode{Name: dsmwire.PKCS1v15}
	case strings.HasPrefix(g.Type, "Ec") || strings.HasPrefix(g.Type, "Ed"):
		if curve := curveOf(g.PublicKey); !curves[curve] {
			return nil, "no keys on the curve " + curve
		}
	case g.Type == "RsassaPssVerify":
		c.Type, c.Mode = "RSA", &dsmwire.Mode{Name: dsmwire.PSS, Hash: hashName(g.MGFSha)}
		if c.Mode.Hash == "" {
			return nil, "the API has no mask by " + g.MGFSha
		}
		if 8*g.SaltLen != hashSizes[c.Hash] {
			return nil, "the API's PSS has a salt as long as the hash"
		}
	default:
	}
	if len(c.Key) == 0 {
		return nil, "a public key that is not SubjectPublicKeyInfo"
	}
	return u.cases(func(t wycheproofTest) []Case {
		c := c
		c.Want, c.In, c.Out, c.Context = want(t.Result), u.text(t.Msg), u.text(t.Sig), u.hex(t.Context)
		return []Case{c}
	}), ""
}

// curves are those that Gatehouse has, as Wycheproof names them.
var curves = map[string]bool{
	"secp224r1": true, "secp256r1": true, "secp384r1": true, "secp521r1": true, "secp256k1": true, "edwards25519": true,
}

// curveOf returns the curve of a public key; empty when it tells none.
func curveOf(key json.RawMessage) string {
	var k struct {
		Curve string `json:"curve"`
	}
	if json.Unmarshal(key, &k) != nil {
		return ""
	}
	return k.Curve
}

func (u *unhexer) signing(g wycheproofGroup) (func(wycheproofTest) ([]Case, error), string) {
	c := Case{Act: Sign, Type: "RSA", Hash: hashName(g.Sha), Key: u.hex(g.PrivateKeyPkcs8), Mode: &dsmwire.Mode{Name: dsmwire.PKCS1v15}}
	if c.Hash == "" {
		return nil, "the API has no signatures with " + g.Sha
	}
	return u.cases(func(t wycheproofTest) []Case {
		c := c
		c.Want, c.In, c.Out = want(t.Result), u.text(t.Msg), u.text(t.Sig)
		return []Case{c}
	}), ""
}

func (u *unhexer) decryption(g wycheproofGroup) (func(wycheproofTest) ([]Case, error), string) {
	c := Case{Act: Decrypt, Type: "RSA", Key: u.hex(g.PrivateKeyPkcs8), Mode: &dsmwire.Mode{Name: dsmwire.PKCS1v15}}
	if g.Type == "RsaesOaepDecrypt" {
		if g.Sha != g.MGFSha {
			return nil, "the API's OAEP has one hash for label and mask"
		}
		c.Mode = &dsmwire.Mode{Name: dsmwire.OAEP, Hash: hashName(g.Sha)}
		if c.Mode.Hash == "" {
			return nil, "the API has no OAEP with " + g.Sha
		}
	}
	return u.cases(func(t wycheproofTest) []Case {
		c := c
		c.Want, c.Label, c.In, c.Out = want(t.Result), u.hex(t.Label), u.text(t.CT), u.text(t.Msg)
		return []Case{c}
	}), ""
}
