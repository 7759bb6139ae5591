package agreement

import (
	"strings"

	"gatehouse/core/operations"
	"gatehouse/features/agreement/task"
)

// Offers tells which halves of t the service does with keys of a kind of group,
// and why not both. What it does not offer it refuses. For the HSM group that is
// about SoftHSM2 2.6.1.
func Offers(k Kind, t task.Task) (d Directions, why string) {
	why = unoffered(k, t)
	switch {
	case why != "":
		return Neither, why
	case t.How == task.Generated:
		return Makes, ""
	case t.Legacy:
		return Opens, "RSA keys of less than 2048 bits only verify and decrypt (NIST SP 800-131A)"
	case k == HSM && t.Act == task.Wrap && t.Mode == "CBCNOPAD":
		return Makes, "SoftHSM2 wraps by AES-CBC and does not unwrap by it"
	case k == HSM && Once(t.Act) && derives(t.Act): // of which nobody is told the value
		return Opens, ""
	default:
		return Both, ""
	}
}

func unoffered(k Kind, t task.Task) string {
	if k == Ordinary {
		if t.Act == task.Wrap && t.Mode == "KWP" && t.Key.Size == 192 {
			return "KWP in an ordinary group is of a library that has no keys of 192 bits for it"
		}
		return ""
	}
	for _, key := range []*task.Key{t.Key, t.Subject} {
		if key == nil {
			continue
		}
		switch key.Type {
		case "MLDSA", "MLKEM", "OPAQUE", "CERTIFICATE":
			return "Gatehouse puts no keys of type " + key.Type + " into an HSM"
		}
	}
	sha3 := strings.HasPrefix(t.Hash, "SHA3_")
	switch t.Act {
	case task.Value, task.ValueDigest:
		return "the value of a key in an HSM stays there"
	case task.HKDF:
		return "SoftHSM2 has no HKDF"
	case task.EncryptData:
		if t.Mode != "ECB" && t.Mode != "CBC" && t.Mode != "CBCNOPAD" {
			return "PKCS #11 derives by ECB and CBC only"
		}
	case task.CheckValue:
		if t.Mode == "CMAC" {
			return "a token tells no check value by CMAC"
		}
	case task.Encrypt:
		switch {
		case t.Mode == "CCM":
			return "SoftHSM2 has no CCM"
		case t.Mode == "GCM" && t.How == task.InParts:
			return "GCM in parts needs the key's own hash, which no token tells"
		case t.How == task.Transient:
			return "transient keys live in no HSM"
		case t.Mode == "OAEP" && (t.Hash != "SHA1" || len(t.Label) > 0):
			return "SoftHSM2 has OAEP with SHA-1 and without a label only"
		}
	case task.Sign:
		if t.Mode == "PSS" && sha3 {
			return "SoftHSM2 has no PSS with SHA-3"
		}
	case task.MAC:
		switch {
		case t.Key.Type != "HMAC":
		case sha3:
			return "SoftHSM2 has no HMAC with SHA-3"
		case t.Key.Size < 8*operations.Hash(t.Hash).Size():
			return "SoftHSM2 wants HMAC keys as long as the hash"
		}
	case task.Wrap:
		return unwrappable(t)
	case task.Agree, task.PublicKey, task.Encapsulate, task.Digest:
	}
	return ""
}

// unwrappable tells why SoftHSM2 does not wrap so.
func unwrappable(t task.Task) string {
	switch {
	case t.Mode == "KWP" && t.Subject.Asymmetric():
		return "SoftHSM2's KWP is that of RFC 5649 for keys of whole 8 bytes only, which private keys are not"
	case t.Mode == "OAEP" && t.Hash != "SHA1":
		return "SoftHSM2 has OAEP with SHA-1 and without a label only"
	case t.Mode == "KW" || t.Mode == "KWP" || t.Mode == "OAEP" || t.Mode == "PKCS1_V15" || t.Key.Type == "AES" && t.Mode == "CBCNOPAD":
		return ""
	default:
		return "SoftHSM2 wraps by key wrap, by RSA and by AES-CBC without padding only"
	}
}
