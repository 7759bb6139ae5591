package estate

import (
	"encoding/hex"
	"fmt"
	"strings"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// what is a kind of thing in the estate.
type what string

const (
	aes128      what = "AES-128"
	aes192      what = "AES-192"
	aes256      what = "AES-256"
	des3        what = "DES3"
	des         what = "DES" // one length that Gatehouse does not hold
	secret256   what = "generic secret"
	secret512   what = "long generic secret"
	rsa1024     what = "RSA-1024"
	rsa2048     what = "RSA-2048"
	p256        what = "P-256"
	p384        what = "P-384"
	p521        what = "P-521"
	secp256k1   what = "secp256k1"
	ed25519Pair what = "Ed25519"
	rsaPublic   what = "RSA-2048 public key alone"
	p256Private what = "P-256 private key alone"
	certificate what = "certificate"
	data        what = "data object"
)

// shapes tells what each kind is in the words of the domain.
var shapes = map[what]Key{
	aes128:      {Class: hsm.SecretKey, Type: keys.AES, Size: 128},
	aes192:      {Class: hsm.SecretKey, Type: keys.AES, Size: 192},
	aes256:      {Class: hsm.SecretKey, Type: keys.AES, Size: 256},
	des3:        {Class: hsm.SecretKey, Type: keys.DES3, Size: 168},
	des:         {Class: hsm.SecretKey},
	secret256:   {Class: hsm.SecretKey, Type: keys.HMAC, Size: 256},
	secret512:   {Class: hsm.SecretKey, Type: keys.HMAC, Size: 512},
	rsa1024:     {Class: hsm.PrivateKey, Type: keys.RSA, Size: 1024, Pair: true},
	rsa2048:     {Class: hsm.PrivateKey, Type: keys.RSA, Size: 2048, Pair: true},
	p256:        {Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256, Pair: true},
	p384:        {Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P384, Pair: true},
	p521:        {Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P521, Pair: true},
	secp256k1:   {Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.Secp256k1, Pair: true},
	ed25519Pair: {Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.Ed25519, Pair: true},
	rsaPublic:   {Class: hsm.PublicKey, Type: keys.RSA, Size: 2048},
	p256Private: {Class: hsm.PrivateKey, Type: keys.EC, Curve: keys.P256},
	certificate: {Class: hsm.Certificate},
	data:        {Class: hsm.Data},
}

// A row is n things that are alike. A % in label or id stands for a number
// that counts up from one (in id, from zero).
type row struct {
	n     int
	what  what
	with  string
	id    string // hex
	label string
}

// rows is the estate. What makes it awkward stands beside it.
func rows() []row {
	return []row{
		// What the administrators made by hand.
		{1, rsa2048, withTool, "01", CodeSigning},
		{1, p256, withTool, "02", PaymentsSigning},
		{1, p384, withTool, "03", DocumentSigning},
		{1, ed25519Pair, withTool, "04", UpdateSigning},
		{1, aes256, withTool, "05", MailArchive},
		{1, aes256, withTool, "06", Retired},
		{1, certificate, withTool, "01", CodeSigning}, // beside its key
		{1, certificate, withTool, "", "Test Root CA"},
		{1, data, withTool, "", "Notiz für den Nachfolger"},
		{3, aes256, withTool, "05a0%02x", "Sicherung Köln %d"},
		{2, aes128, withTool, "", "test"},                // CKA_LABEL twice, no CKA_ID
		{2, aes256, withTool, "4b454b", "KEK %d       "}, // CKA_ID twice, padded labels
		{2, p256, withTool, "7e57", "Prüfschlüssel %d"},  // two pairs with one CKA_ID
		{2, secret256, withTool, "", ""},                 // neither

		// What applications made through PKCS#11.
		{29, aes256, withPKCS11, "0a00%02x", "TDE tablespace %03d"},
		{12, aes256, withPKCS11, "0b00%02x", "backup"}, // CKA_LABEL twelve times
		{6, aes192, withPKCS11, "0c00%02x", "Lohn/Gehalt %d"},
		{5, aes128, withPKCS11, "", "cache %d"},
		{3, aes256, withPKCS11, "abcdef", "doppelt"},       // both equal: only the check value differs
		{3, aes256, withPKCS11, "", ""},                    // neither
		{2, aes128, withPKCS11, "00%02x", "M\xfcnchen %d"}, // Latin-1
		{20, p256, withPKCS11, "0d00%02x", "device-%04d"},
		{4, p256, withPKCS11, "0d10%02x", "gateway"},
		{3, p384, withPKCS11, "0e00%02x", "TLS intern %d"},
		{2, p521, withPKCS11, "0e10%02x", "Langzeit Archiv %d"},
		{2, secp256k1, withPKCS11, "0e20%02x", "Wallet Zürich %d"},
		{2, ed25519Pair, withPKCS11, "0e30%02x", "ssh-host %d"},
		{2, p256, withPKCS11, "", "ohne ID %d"}, // pairs without CKA_ID: told by their labels
		{1, rsa2048, withPKCS11, "0f00", "TLS www 2024"},
		{1, rsa2048, withPKCS11, "0f00", "TLS www 2025"}, // renewed under the same CKA_ID
		{2, rsa1024, withPKCS11, "0f10%02x", "old-vpn-%d"},
		{18, secret256, withPKCS11, "1000%02x", "webhook-%02d"},
		{4, secret512, withPKCS11, "1100%02x", "OTP Seed %d"},
		{8, des3, withPKCS11, "1200%02x", "Geldautomat %d"},
		{1, aes256, withPKCS11, "1300", "master"}, // one label and CKA_ID, three types
		{1, secret256, withPKCS11, "1300", "master"},
		{1, p256, withPKCS11, "1300", "master"},
		{1, rsaPublic, withPKCS11, "1400", PartnerPublic},
		{1, p256Private, withPKCS11, "1500", "half of a pair"},
		{1, des, withPKCS11, "1600", "Lochkarte"},
	}
}

// key returns the i-th key of r.
func (r row) key(i int) Key {
	k := shapes[r.what]
	if k.Curve != "" {
		k.Size = k.Curve.Bits()
	}
	k.With = r.with
	k.Label = []byte(numbered(r.label, i+1))
	id, err := hex.DecodeString(numbered(r.id, i))
	if err != nil {
		panic("estate: rows: " + r.id + " is not hex")
	}
	k.ID = id
	return k
}

func numbered(pattern string, n int) string {
	if !strings.Contains(pattern, "%") {
		return pattern
	}
	return fmt.Sprintf(pattern, n)
}
