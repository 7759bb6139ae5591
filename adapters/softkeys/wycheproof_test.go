package softkeys_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// vectors is a file of Project Wycheproof; see testdata/wycheproof/README.md.
type vectors struct {
	TestGroups []group `json:"testGroups"`
}

type group struct {
	IVSize          int    `json:"ivSize"`
	TagSize         int    `json:"tagSize"`
	Sha             string `json:"sha"`
	ParameterSet    string `json:"parameterSet"`
	PublicKeyDer    string `json:"publicKeyDer"`
	PrivateKeyPkcs8 string `json:"privateKeyPkcs8"`
	Tests           []vector
}

type vector struct {
	ID      int `json:"tcId"`
	Comment string
	Key     string
	IV      string
	AAD     string
	Msg     string
	CT      string
	Tag     string
	Sig     string
	Label   string
	IKM     string
	Salt    string
	Info    string
	Size    int // bytes
	OKM     string
	Public  string
	Private string
	Shared  string
	Seed    string
	C       string
	K       string
	Ctx     string
	Flags   []string
	Result  string // valid, invalid, acceptable
}

func load(t *testing.T, name string) vectors {
	t.Helper()
	f, err := os.Open("testdata/wycheproof/" + name + ".json.gz")
	if err != nil {
		t.Fatalf("opening the vectors: %v", err)
	}
	defer f.Close() //nolint:errcheck // only read
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("reading the vectors: %v", err)
	}
	var v vectors
	if err := json.NewDecoder(z).Decode(&v); err != nil || len(v.TestGroups) == 0 {
		t.Fatalf("reading the vectors: %d groups, error %v", len(v.TestGroups), err)
	}
	return v
}

// each runs every vector of a file and fails when check was satisfied with too few.
func each(t *testing.T, name string, atLeast int, check func(t *testing.T, g group, v vector) (did bool)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		done := 0
		for _, g := range load(t, name).TestGroups {
			for _, v := range g.Tests {
				if check(t, g, v) {
					done++
				}
			}
		}
		if done < atLeast {
			t.Errorf("%d vectors were tried, want at least %d", done, atLeast)
		}
	})
}

// once imports the material, which several vectors share, the first time.
func (d *desk) once(t *testing.T, s keys.Spec, material string) keys.Key {
	t.Helper()
	k, found := d.taken[material]
	if !found {
		k = d.take(t, s, unhex(t, material))
		d.taken[material] = k
	}
	return k
}

func TestWycheproofAEAD(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		mode    operations.Mode
		atLeast int
	}{"aes_gcm": {operations.GCM, 250}, "aes_ccm": {operations.CCM, 450}} {
		each(t, name, c.atLeast, func(t *testing.T, g group, v vector) bool {
			t.Helper()
			k := d.take(t, keys.Spec{Type: keys.AES}, unhex(t, v.Key))
			iv, ad, plain, sealed, tag := unhex(t, v.IV), unhex(t, v.AAD), unhex(t, v.Msg), unhex(t, v.CT), unhex(t, v.Tag)
			back, err := d.use(t, k, operations.Decrypt{Mode: c.mode, Cipher: sealed, IV: iv, AD: ad, Tag: tag})
			if errors.Is(err, fault.Unsupported) {
				return false
			}
			if v.Result != "valid" {
				if err == nil {
					t.Errorf("%d (%s): decrypts", v.ID, v.Comment)
				}
				return true
			}
			if err != nil && c.mode == operations.GCM && g.IVSize > 8*256 {
				return false // longer than the API takes
			}
			if err != nil || !bytes.Equal(back.Output, plain) {
				t.Errorf("%d (%s): decrypted %x, error %v", v.ID, v.Comment, back.Output, err)
			}
			there, err := d.use(t, k, operations.Encrypt{Mode: c.mode, Plain: plain, IV: iv, AD: ad, TagBits: 8 * len(tag)})
			if err != nil || !bytes.Equal(there.Output, sealed) || !bytes.Equal(there.Tag, tag) {
				t.Errorf("%d (%s): encrypted %x with tag %x, error %v", v.ID, v.Comment, there.Output, there.Tag, err)
			}
			return true
		})
	}
}

func TestWycheproofCBC(t *testing.T) {
	d := newDesk(t)
	each(t, "aes_cbc_pkcs5", 216, func(t *testing.T, _ group, v vector) bool {
		t.Helper()
		k := d.take(t, keys.Spec{Type: keys.AES}, unhex(t, v.Key))
		iv, plain, sealed := unhex(t, v.IV), unhex(t, v.Msg), unhex(t, v.CT)
		back, err := d.use(t, k, operations.Decrypt{Mode: operations.CBC, Cipher: sealed, IV: iv})
		if v.Result != "valid" {
			if err == nil {
				t.Errorf("%d (%s): decrypts", v.ID, v.Comment)
			}
			return true
		}
		there, encErr := d.use(t, k, operations.Encrypt{Mode: operations.CBC, Plain: plain, IV: iv})
		if err != nil || encErr != nil || !bytes.Equal(back.Output, plain) || !bytes.Equal(there.Output, sealed) {
			t.Errorf("%d (%s): got %x (%v) and %x (%v)", v.ID, v.Comment, back.Output, err, there.Output, encErr)
		}
		return true
	})
}

func TestWycheproofMAC(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		typ     keys.Type
		hash    operations.Hash
		atLeast int
	}{
		"aes_cmac":      {keys.AES, operations.NoHash, 250},
		"hmac_sha1":     {keys.HMAC, operations.SHA1, 80},
		"hmac_sha224":   {keys.HMAC, operations.SHA224, 80},
		"hmac_sha256":   {keys.HMAC, operations.SHA256, 80},
		"hmac_sha384":   {keys.HMAC, operations.SHA384, 80},
		"hmac_sha512":   {keys.HMAC, operations.SHA512, 80},
		"hmac_sha3_256": {keys.HMAC, operations.SHA3_256, 80},
		"hmac_sha3_512": {keys.HMAC, operations.SHA3_512, 80},
	} {
		each(t, name, c.atLeast, func(t *testing.T, g group, v vector) bool {
			t.Helper()
			if c.typ == keys.AES && len(v.Key)/2 != 16 && len(v.Key)/2 != 24 && len(v.Key)/2 != 32 {
				return false // no AES key
			}
			if full := c.hash.Size(); g.TagSize != 8*full && (full != 0 || g.TagSize != 128) {
				return false // truncated, which the API has not
			}
			k := d.take(t, keys.Spec{Type: c.typ}, unhex(t, v.Key))
			got, err := d.use(t, k, operations.MACVerify{Hash: c.hash, Data: unhex(t, v.Msg), MAC: unhex(t, v.Tag)})
			if err != nil || got.Valid != (v.Result == "valid") {
				t.Errorf("%d (%s): valid %v, error %v; want %s", v.ID, v.Comment, got.Valid, err, v.Result)
			}
			return true
		})
	}
}

func TestWycheproofSignatures(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		typ     keys.Type
		mode    operations.Mode
		hash    operations.Hash
		atLeast int
	}{
		"ecdsa_secp224r1_sha224":      {keys.EC, "", operations.SHA224, 440},
		"ecdsa_secp256r1_sha256":      {keys.EC, "", operations.SHA256, 470},
		"ecdsa_secp256r1_sha3_256":    {keys.EC, "", operations.SHA3_256, 480},
		"ecdsa_secp256k1_sha256":      {keys.EC, "", operations.SHA256, 460},
		"ecdsa_secp256k1_sha512":      {keys.EC, "", operations.SHA512, 80},
		"ecdsa_secp384r1_sha384":      {keys.EC, "", operations.SHA384, 240},
		"ecdsa_secp521r1_sha512":      {keys.EC, "", operations.SHA512, 80},
		"ed25519":                     {keys.EC, "", operations.NoHash, 150},
		"mldsa_44_verify":             {keys.MLDSA, "", operations.NoHash, 60},
		"mldsa_65_verify":             {keys.MLDSA, "", operations.NoHash, 60},
		"rsa_signature_2048_sha256":   {keys.RSA, operations.PKCS1v15, operations.SHA256, 250},
		"rsa_signature_2048_sha512":   {keys.RSA, operations.PKCS1v15, operations.SHA512, 250},
		"rsa_signature_2048_sha3_256": {keys.RSA, operations.PKCS1v15, operations.SHA3_256, 250},
		"rsa_pss_2048_sha1_mgf1_20":   {keys.RSA, operations.PSS, operations.SHA1, 80},
		"rsa_pss_2048_sha256_mgf1_32": {keys.RSA, operations.PSS, operations.SHA256, 100},
		"rsa_pss_2048_sha384_mgf1_48": {keys.RSA, operations.PSS, operations.SHA384, 140},
	} {
		each(t, name, c.atLeast, func(t *testing.T, g group, v vector) bool {
			t.Helper()
			if every := map[operations.Hash]int{operations.SHA384: 2, operations.SHA512: 6}[c.hash]; c.typ == keys.EC && every != 0 && v.ID%every != 0 {
				return false // the large curves take a second for thirty under the race detector
			}
			if slices.Contains(v.Flags, "IncorrectPublicKeyLength") {
				if _, err := d.try(t, keys.Spec{Type: c.typ}, unhex(t, g.PublicKeyDer)); err == nil {
					t.Errorf("%d (%s): is imported", v.ID, v.Comment)
				}
				return true
			}
			k := d.once(t, keys.Spec{Type: c.typ}, g.PublicKeyDer)
			got, err := d.use(t, k, operations.Verify{
				Mode: c.mode, Hash: c.hash, Input: unhex(t, v.Msg), Signature: unhex(t, v.Sig), Context: unhex(t, v.Ctx),
			})
			if v.Result == "acceptable" && err == nil || v.Result == "invalid" && errors.Is(err, fault.Invalid) {
				return true // refused before anything is tried, as absurdly long signatures are
			}
			if err != nil || got.Valid != (v.Result == "valid") {
				t.Errorf("%d (%s): valid %v, error %v; want %s", v.ID, v.Comment, got.Valid, err, v.Result)
			}
			return true
		})
	}
}

func TestWycheproofRSADecryption(t *testing.T) {
	d := newDesk(t)
	for name, c := range map[string]struct {
		mode    operations.Mode
		hash    operations.Hash
		atLeast int
	}{
		"rsa_oaep_2048_sha1_mgf1sha1":     {operations.OAEP, operations.SHA1, 36},
		"rsa_oaep_2048_sha256_mgf1sha256": {operations.OAEP, operations.SHA256, 37},
		"rsa_oaep_2048_sha512_mgf1sha512": {operations.OAEP, operations.SHA512, 33},
		"rsa_pkcs1_2048":                  {operations.PKCS1v15, operations.NoHash, 67},
	} {
		each(t, name, c.atLeast, func(t *testing.T, g group, v vector) bool {
			t.Helper()
			k := d.once(t, keys.Spec{Type: keys.RSA}, g.PrivateKeyPkcs8)
			got, err := d.use(t, k, operations.Decrypt{Mode: c.mode, Hash: c.hash, Cipher: unhex(t, v.CT), Label: unhex(t, v.Label)})
			switch {
			case v.Result == "valid" && (err != nil || !bytes.Equal(got.Output, unhex(t, v.Msg))):
				t.Errorf("%d (%s): got %x, error %v", v.ID, v.Comment, got.Output, err)
			case v.Result == "invalid" && fault.Message(err) != "decryption refused":
				t.Errorf("%d (%s): got %x, error %v; want the one refusal", v.ID, v.Comment, got.Output, err)
			}
			return true
		})
	}
}

// TestWycheproofRSASigning: PKCS #1 v1.5 signatures are a function of key and message.
func TestWycheproofRSASigning(t *testing.T) {
	d := newDesk(t)
	hashes := map[string]operations.Hash{
		"SHA-1": operations.SHA1, "SHA-224": operations.SHA224, "SHA-256": operations.SHA256, "SHA-384": operations.SHA384,
		"SHA-512": operations.SHA512, "SHA3-224": operations.SHA3_224, "SHA3-256": operations.SHA3_256,
		"SHA3-384": operations.SHA3_384, "SHA3-512": operations.SHA3_512,
	}
	each(t, "rsa_pkcs1_2048_sig_gen", 20, func(t *testing.T, g group, v vector) bool {
		t.Helper()
		h, known := hashes[g.Sha]
		if !known {
			return false
		}
		k := d.once(t, keys.Spec{Type: keys.RSA}, g.PrivateKeyPkcs8)
		got, err := d.use(t, k, operations.Sign{Mode: operations.PKCS1v15, Hash: h, Input: unhex(t, v.Msg)})
		if err != nil || bytes.Equal(got.Output, unhex(t, v.Sig)) != (v.Result != "invalid") {
			t.Errorf("%d (%s, %s): got %x, error %v", v.ID, v.Comment, g.Sha, got.Output, err)
		}
		return true
	})
}
