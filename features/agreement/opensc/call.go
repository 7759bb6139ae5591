package opensc

import (
	"crypto"
	_ "crypto/sha1" // the digests that crypto.Hash makes
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"fmt"
	"strings"

	"gatehouse/features/agreement/task"
)

var hashes = map[string]crypto.Hash{
	"SHA1": crypto.SHA1, "SHA224": crypto.SHA224, "SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512,
	"SHA3_224": crypto.SHA3_224, "SHA3_256": crypto.SHA3_256, "SHA3_384": crypto.SHA3_384, "SHA3_512": crypto.SHA3_512,
}

// orders are the lengths in bytes of the orders of the curves: of a digest, ECDSA
// takes no more (FIPS 186-5, 6.4), and the token does not cut it off.
var orders = map[string]int{"NistP224": 28, "NistP256": 32, "NistP384": 48, "NistP521": 66, "SecP256K1": 32}

// ciphers are the mechanisms of the block ciphers.
var ciphers = map[string]string{"ECB": "ECB", "CBC": "CBC-PAD", "CBCNOPAD": "CBC"}

// Cannot tells why the tool cannot do t at all; empty when it can do a half at least.
func Cannot(t task.Task) string {
	switch {
	case t.How == task.Generated || t.How == task.Transient:
		return "pkcs11-tool is shown the keys that the group keeps"
	case t.Key == nil:
		return "the service makes digests itself"
	case t.Act == task.Encrypt && t.Key.Type == "DES3":
		return "OpenSC 0.23 has no triple DES"
	case t.Act == task.Encrypt && t.Key.Type != "RSA" && ciphers[t.Mode] == "":
		return "OpenSC 0.23 has no CTR, GCM and CCM"
	case t.Act == task.MAC && t.Key.Type != "HMAC":
		return "OpenSC 0.23 looks for a private key to make a CMAC with"
	case t.Act == task.Sign && t.Mode == "PSS" && sha3(t.Hash):
		return "OpenSC 0.23 has no PSS with SHA-3"
	case t.Act == task.MAC && sha3(t.Hash):
		return "OpenSC 0.23 has no HMAC with SHA-3"
	case t.Act == task.Agree && t.Key.Curve == "X25519":
		return "OpenSC 0.23 reads no X25519 public key"
	case t.Act == task.PublicKey && t.Key.Type != "RSA" && t.Key.Curve != "NistP256":
		return "OpenSC 0.23 writes public keys of RSA and P-256 only"
	case (t.Act == task.Sign || t.Act == task.Encrypt) && t.Key.Type == "RSA" && t.Key.Size > 4096:
		return "OpenSC 0.23 has no room for what RSA keys of more than 4096 bits make"
	case t.Act == task.Wrap && (t.Mode != "KW" && t.Mode != "KWP" && t.Mode != "PKCS1_V15" || t.Subject.Asymmetric()):
		return "OpenSC 0.23 wraps secret keys only, by AES key wrap and PKCS #1 v1.5"
	case t.Act == task.CheckValue:
		return "OpenSC 0.23 tells no check values"
	case t.Act == task.EncryptData, t.Act == task.HKDF, t.Act == task.Value, t.Act == task.ValueDigest, t.Act == task.Encapsulate:
		return "OpenSC 0.23 does not " + string(t.Act)
	default:
		return ""
	}
}

// CannotMake tells why the tool can do only the second half of t; empty when it
// can do both.
func CannotMake(t task.Task) string {
	if t.Act == task.Encrypt && t.Key.Type == "RSA" {
		return "OpenSC 0.23 encrypts with secret keys only"
	}
	return ""
}

// CannotCheck tells why the tool can do only the first half of t; empty when it
// can do both.
func CannotCheck(t task.Task) string {
	if t.Act == task.Wrap && t.Subject.Type == "DES3" {
		return "OpenSC 0.23 unwraps no triple DES keys"
	}
	return ""
}

// call returns the tool's mechanism for t and what goes into it.
func (p *Party) call(t task.Task) (args []string, in []byte, err error) {
	dashed := t.Hash
	if dashed == "SHA1" && (t.Act == task.MAC || t.Mode == "OAEP") {
		dashed = "SHA-1"
	}
	mechanism := func(name string, more ...string) []string { return append([]string{"--mechanism", name}, more...) }
	switch {
	case t.Act == task.Encrypt && t.Key.Type == "RSA" && t.Mode == "OAEP":
		return mechanism("RSA-PKCS-OAEP", "--hash-algorithm", dashed), t.In, nil
	case t.Act == task.Encrypt && t.Key.Type == "RSA":
		return mechanism("RSA-PKCS"), t.In, nil
	case t.Act == task.Encrypt:
		return mechanism(t.Key.Type + "-" + ciphers[t.Mode]), t.In, nil
	case t.Act == task.MAC:
		return mechanism(dashed + "-HMAC"), t.In, nil
	case t.Act == task.Sign && t.Key.Curve == "Ed25519":
		return mechanism("EDDSA"), t.In, nil
	case t.Act == task.Sign && t.Key.Type == "EC":
		d := digest(t.Hash, t.In)
		return mechanism("ECDSA", "--signature-format", "openssl"), d[:min(len(d), orders[t.Key.Curve])], nil
	case t.Act == task.Sign && t.Mode == "PSS":
		return mechanism(t.Hash + "-RSA-PKCS-PSS"), t.In, nil
	case t.Act == task.Sign && sha3(t.Hash):
		info, err := digestInfo(t.Hash, t.In)
		return mechanism("RSA-PKCS"), info, err
	case t.Act == task.Sign:
		return mechanism(t.Hash + "-RSA-PKCS"), t.In, nil
	case t.Act == task.Agree:
		return mechanism("ECDH1-DERIVE"), t.Peer.Public, nil
	case t.Act == task.Wrap && t.Mode == "KW":
		return mechanism("AES-KEY-WRAP"), nil, nil
	case t.Act == task.Wrap && t.Mode == "KWP":
		return mechanism("0x210A"), nil, nil
	case t.Act == task.Wrap && t.Mode == "PKCS1_V15":
		return mechanism("RSA-PKCS"), nil, nil
	default:
		return nil, nil, fmt.Errorf("pkcs11-tool does not %s: %w", t.Act, task.ErrRefused)
	}
}

func sha3(hash string) bool { return strings.HasPrefix(hash, "SHA3_") }

func digest(hash string, data []byte) []byte {
	d := hashes[hash].New()
	d.Write(data)
	return d.Sum(nil)
}
