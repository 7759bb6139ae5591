package restapi_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

// estate is a key of each kind in one group.
type estate struct{ aes, rsa, ec, hmac dsmwire.Sobject }

func (w *world) estate(group string) estate {
	w.tb.Helper()
	make := func(r dsmwire.SobjectRequest) dsmwire.Sobject {
		r.Name, r.GroupID = ptr(r.ObjType+" of "+group), &group
		return w.generate(r)
	}
	return estate{
		aes: make(dsmwire.SobjectRequest{ObjType: "AES", KeySize: ptr(uint32(256))}),
		rsa: make(dsmwire.SobjectRequest{
			ObjType: "RSA", KeySize: ptr(uint32(2048)), RSA: &dsmwire.RSAOptions{EncryptionPolicy: dsmwire.RSAPolicies{{}}},
		}),
		ec:   make(dsmwire.SobjectRequest{ObjType: "EC", EllipticCurve: "NistP256"}),
		hmac: make(dsmwire.SobjectRequest{ObjType: "HMAC", KeySize: ptr(uint32(256))}),
	}
}

func byID(k dsmwire.Sobject) *dsmwire.SobjectDescriptor {
	return &dsmwire.SobjectDescriptor{KID: k.KID}
}

var (
	message = []byte("attack at dawn")
	digest  = func() []byte { d := sha256.Sum256(message); return d[:] }()
)

// The same calls give the same answers wherever the key lives.
func TestCryptographyInBothKindsOfGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, group := range []struct{ name, id string }{{"ordinary", w.local}, {"HSM", w.slot}} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			e := w.estate(group.id)
			t.Run("encryption", func(t *testing.T) { encryption(t, w, e) })
			t.Run("signatures", func(t *testing.T) { signatures(t, w, e) })
			t.Run("MAC", func(t *testing.T) { macs(t, w, e) })
		})
	}
}

func encryption(t *testing.T, w *world, e estate) {
	t.Helper()
	ctx := t.Context()
	for _, c := range []struct {
		name    string
		request dsmwire.EncryptRequest
		iv, tag int
	}{
		{"GCM", dsmwire.EncryptRequest{Key: byID(e.aes), Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, AD: []byte("ad")}, 12, 16},
		{"GCM with a short tag", dsmwire.EncryptRequest{Key: byID(e.aes), Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, TagLen: ptr(96)}, 12, 12},
		{"GCM with an iv", dsmwire.EncryptRequest{Key: byID(e.aes), Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, IV: make([]byte, 12)}, 12, 16},
		{"CBC", dsmwire.EncryptRequest{Key: &dsmwire.SobjectDescriptor{Name: e.aes.Name}, Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}}, 16, 0},
		{"CBC with a tag_len that means nothing", dsmwire.EncryptRequest{Key: byID(e.aes), Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}, TagLen: ptr(-3)}, 16, 0},
		{"CTR", dsmwire.EncryptRequest{Key: byID(e.aes), Alg: "AES", Mode: &dsmwire.Mode{Name: "CTR"}}, 16, 0},
		{"RSA without a mode", dsmwire.EncryptRequest{Key: byID(e.rsa), Alg: "RSA"}, 0, 0},
		{"RSA OAEP", dsmwire.EncryptRequest{Key: byID(e.rsa), Alg: "RSA", Mode: &dsmwire.Mode{Name: dsmwire.OAEP, Hash: "SHA256"}}, 0, 0},
		{"RSA PKCS1", dsmwire.EncryptRequest{Key: byID(e.rsa), Alg: "RSA", Mode: &dsmwire.Mode{Name: dsmwire.PKCS1v15}}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.request.Plain = message
			sealed, err := w.app.Encrypt(ctx, c.request)
			must(t, err)
			if len(sealed.IV) != c.iv || len(sealed.Tag) != c.tag || sealed.KID == "" {
				t.Errorf("got iv of %d and tag of %d bytes, want %d and %d", len(sealed.IV), len(sealed.Tag), c.iv, c.tag)
			}
			opened, err := w.app.Decrypt(ctx, dsmwire.DecryptRequest{
				Key: c.request.Key, Alg: c.request.Alg, Mode: c.request.Mode, Cipher: sealed.Cipher, IV: sealed.IV, Tag: sealed.Tag, AD: c.request.AD,
			})
			must(t, err)
			if !bytes.Equal(opened.Plain, message) || opened.KID != sealed.KID {
				t.Errorf("got %q", opened.Plain)
			}
		})
	}
	t.Run("without a mode RSA is OAEP with SHA-256", func(t *testing.T) {
		sealed, err := w.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: byID(e.rsa), Alg: "RSA", Plain: message})
		must(t, err)
		_, err = w.app.Decrypt(ctx, dsmwire.DecryptRequest{Key: byID(e.rsa), Cipher: sealed.Cipher, Mode: &dsmwire.Mode{Name: dsmwire.OAEP, Hash: "SHA256"}})
		must(t, err)
	})
	t.Run("nothing can be encrypted", func(t *testing.T) {
		sealed, err := w.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: byID(e.aes), Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, Plain: []byte{}})
		must(t, err)
		opened, err := w.app.Decrypt(ctx, dsmwire.DecryptRequest{
			Key: byID(e.aes), Mode: &dsmwire.Mode{Name: "GCM"}, Cipher: []byte{}, IV: sealed.IV, Tag: sealed.Tag,
		})
		must(t, err)
		if len(sealed.Cipher) != 0 || len(opened.Plain) != 0 {
			t.Errorf("got %x and %x", sealed.Cipher, opened.Plain)
		}
	})
	t.Run("a wrong tag and a wrong key are told apart by nobody", func(t *testing.T) {
		sealed, err := w.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: byID(e.aes), Alg: "AES", Mode: &dsmwire.Mode{Name: "GCM"}, Plain: message})
		must(t, err)
		bad := dsmwire.DecryptRequest{Key: byID(e.aes), Mode: &dsmwire.Mode{Name: "GCM"}, Cipher: sealed.Cipher, IV: sealed.IV, Tag: make([]byte, 16)}
		_, badTag := w.app.Decrypt(ctx, bad)
		bad.Tag, bad.AD = sealed.Tag, []byte("other")
		_, badAD := w.app.Decrypt(ctx, bad)
		if badTag == nil || badAD == nil || badTag.Error() != badAD.Error() {
			t.Errorf("got %v and %v", badTag, badAD)
		}
	})
}

func signatures(t *testing.T, w *world, e estate) {
	t.Helper()
	ctx := t.Context()
	rsaKey, ecKey := publicKey[*rsa.PublicKey](t, e.rsa), publicKey[*ecdsa.PublicKey](t, e.ec)
	pss := &dsmwire.Mode{Name: dsmwire.PSS, Hash: "SHA256"}
	for _, c := range []struct {
		name  string
		key   dsmwire.Sobject
		mode  *dsmwire.Mode
		valid func(signature []byte) bool
	}{
		{"ECDSA", e.ec, nil, func(s []byte) bool { return ecdsa.VerifyASN1(ecKey, digest, s) }},
		{"RSA without a mode", e.rsa, nil, func(s []byte) bool { return rsa.VerifyPKCS1v15(rsaKey, crypto.SHA256, digest, s) == nil }},
		{"RSA PKCS1", e.rsa, &dsmwire.Mode{Name: dsmwire.PKCS1v15}, func(s []byte) bool { return rsa.VerifyPKCS1v15(rsaKey, crypto.SHA256, digest, s) == nil }},
		{"RSA PSS", e.rsa, pss, func(s []byte) bool { return rsa.VerifyPSS(rsaKey, crypto.SHA256, digest, s, nil) == nil }},
	} {
		for _, of := range []struct {
			name       string
			hash, data []byte
		}{{"data", nil, message}, {"a digest", digest, nil}} {
			t.Run(c.name+" of "+of.name, func(t *testing.T) {
				signed, err := w.app.Sign(ctx, dsmwire.SignRequest{Key: byID(c.key), HashAlg: "SHA256", Hash: of.hash, Data: of.data, Mode: c.mode})
				must(t, err)
				if !c.valid(signed.Signature) {
					t.Error("the signature is not valid")
				}
				v := dsmwire.VerifyRequest{Key: byID(c.key), HashAlg: "SHA256", Data: message, Mode: c.mode, Signature: signed.Signature}
				good, err := w.app.Verify(ctx, v)
				must(t, err)
				v.Data = []byte("attack at dusk")
				bad, err := w.app.Verify(ctx, v)
				must(t, err)
				if !good || bad {
					t.Errorf("the signature is good: %t, and for other data: %t", good, bad)
				}
			})
		}
	}
}

func publicKey[K any](t *testing.T, k dsmwire.Sobject) K {
	t.Helper()
	p, err := x509.ParsePKIXPublicKey(k.PubKey)
	must(t, err)
	typed, ok := p.(K)
	if !ok {
		t.Fatalf("public key is a %T", p)
	}
	return typed
}

func macs(t *testing.T, w *world, e estate) {
	t.Helper()
	ctx := t.Context()
	made, err := w.app.MAC(ctx, dsmwire.MACRequest{Key: byID(e.hmac), Alg: "SHA256", Data: message})
	must(t, err)
	if len(made.MAC) != 32 {
		t.Errorf("got a MAC of %d bytes, want 32", len(made.MAC))
	}
	good, err := w.app.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: byID(e.hmac), Alg: "SHA256", Data: message, MAC: made.MAC})
	must(t, err)
	old, err := w.app.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: byID(e.hmac), Alg: "SHA256", Data: message, Digest: made.MAC})
	must(t, err)
	bad, err := w.app.MACVerify(ctx, dsmwire.MACVerifyRequest{Key: byID(e.hmac), Alg: "SHA256", Data: digest, MAC: made.MAC})
	must(t, err)
	if !good || !old || bad {
		t.Errorf("good: %t, under its old name: %t, for other data: %t", good, old, bad)
	}
}

// An imported HMAC key makes what the standard library makes.
func TestMACOfAKnownKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := []byte("a key of thirty-two known bytes!")
	k, err := w.app.Import(t.Context(), dsmwire.SobjectRequest{Name: ptr("known"), ObjType: "HMAC", Value: secretBytes(key)})
	must(t, err)
	made, err := w.app.MAC(t.Context(), dsmwire.MACRequest{Key: byID(k), Alg: "SHA256", Data: message})
	must(t, err)
	h := hmac.New(sha256.New, key)
	h.Write(message)
	if !bytes.Equal(made.MAC, h.Sum(nil)) {
		t.Errorf("got %x, want %x", made.MAC, h.Sum(nil))
	}
}

// The shapes of requests and replies on the wire, those of old clients too.
func TestCryptoOnTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate(w.local)
	ed := w.generate(dsmwire.SobjectRequest{Name: ptr("ed"), ObjType: "EC", EllipticCurve: "Ed25519"})
	plain, hash := base64.StdEncoding.EncodeToString(message), base64.StdEncoding.EncodeToString(digest)
	aes, rsaID, ec := fmt.Sprintf(`"key":{"kid":%q}`, e.aes.KID), fmt.Sprintf(`"key":{"kid":%q}`, e.rsa.KID), fmt.Sprintf(`"key":{"kid":%q}`, e.ec.KID)
	edID := fmt.Sprintf(`"key":{"kid":%q}`, ed.KID)
	hmacID := fmt.Sprintf(`"key":{"kid":%q}`, e.hmac.KID)
	for _, c := range []struct {
		name, path, body string
		status           int
		says             string // in the reply
	}{
		{"as the CLI sends it, with nulls and a field of its own", "encrypt", `{` + aes + `,"alg":"AES","mode":"CBC","plain":"` + plain + `","iv":null,"ad":null,"tag_len":null,"out":null}`, 200, `"iv":`},
		{"id in capitals", "encrypt", `{` + strings.ToUpper(aes[:11]) + `}`, 400, ""},
		{"no key", "encrypt", `{"alg":"AES","mode":"GCM","plain":""}`, 400, "key is required"},
		{"two names for a key", "encrypt", `{"key":{"kid":"` + e.aes.KID + `","name":"x"},"alg":"AES","mode":"GCM","plain":""}`, 400, "exactly one"},
		{"an id that is none", "encrypt", `{"key":{"kid":"marker"},"alg":"AES","mode":"GCM","plain":""}`, 400, "kid must be a UUID"},
		{"an unknown key", "encrypt", `{"key":{"kid":"ffffffff-0000-4000-8000-000000000000"},"alg":"AES","mode":"GCM","plain":""}`, 404, "sobject does not exist"},
		{"an unknown name", "encrypt", `{"key":{"name":"nobody"},"alg":"AES","mode":"GCM","plain":""}`, 404, "sobject does not exist"},
		{"a transient key that is none", "encrypt", `{"key":{"transient_key":"AAAA"},"alg":"AES","mode":"GCM","plain":""}`, 404, "transient key does not exist"},
		{"an empty transient key", "encrypt", `{"key":{"transient_key":""},"alg":"AES","mode":"GCM","plain":""}`, 400, "transient_key is empty"},
		{"an inline key of no length", "encrypt", `{"key":{"inline":{"value":"AAAA","obj_type":"AES"}},"alg":"AES","mode":"GCM","plain":""}`, 400, ""},
		{"an inline key without a value", "encrypt", `{"key":{"inline":{"obj_type":"AES"}},"alg":"AES","mode":"GCM","plain":""}`, 400, "value of an inline key"},
		{"an inline key", "encrypt", `{"key":{"inline":{"value":"AAAAAAAAAAAAAAAAAAAAAA==","obj_type":"AES"}},"alg":"AES","mode":"GCM","plain":""}`, 200, `{"cipher":""`},
		{"no alg", "encrypt", `{` + aes + `,"mode":"GCM","plain":""}`, 400, "alg is required"},
		{"alg of another key", "encrypt", `{` + aes + `,"alg":"RSA","mode":"GCM","plain":""}`, 400, "alg does not fit"},
		{"alg of the API alone", "encrypt", `{` + aes + `,"alg":"ARIA","mode":"GCM","plain":""}`, 400, "alg does not fit"},
		{"alg of nobody", "encrypt", `{` + aes + `,"alg":"marker","mode":"GCM","plain":""}`, 400, "alg is not one"},
		{"no plain", "encrypt", `{` + aes + `,"alg":"AES","mode":"GCM"}`, 400, "plain is required"},
		{"no mode", "encrypt", `{` + aes + `,"alg":"AES","plain":"AAAA"}`, 400, "mode is required"},
		{"mode of nobody", "encrypt", `{` + aes + `,"alg":"AES","plain":"AAAA","mode":"marker"}`, 400, "mode is not one"},
		{"mode of the API alone", "encrypt", `{` + aes + `,"alg":"AES","plain":"AAAA","mode":"CFB"}`, 501, "CFB"},
		{"padding for a block cipher", "encrypt", `{` + aes + `,"alg":"AES","plain":"AAAA","mode":{"PKCS1_V15":{}}}`, 400, "mode does not fit"},
		{"cipher mode for RSA", "encrypt", `{` + rsaID + `,"alg":"RSA","plain":"AAAA","mode":"GCM"}`, 400, "mode does not fit"},
		{"padding as a string", "encrypt", `{` + rsaID + `,"alg":"RSA","plain":"AAAA","mode":"OAEP"}`, 400, "padding"},
		{"OAEP without a hash", "encrypt", `{` + rsaID + `,"alg":"RSA","plain":"AAAA","mode":{"OAEP":{}}}`, 400, "hash"},
		{"two paddings", "encrypt", `{` + rsaID + `,"alg":"RSA","plain":"AAAA","mode":{"OAEP":{},"PKCS1_V15":{}}}`, 400, "mode"},
		{"PSS for encryption", "encrypt", `{` + rsaID + `,"alg":"RSA","plain":"AAAA","mode":{"PSS":{"mgf":{"mgf1":{"hash":"SHA256"}}}}}`, 400, "mode"},
		{"raw RSA", "decrypt", `{` + rsaID + `,"cipher":"AAAA","mode":{"RAW_DECRYPT":{}}}`, 501, "RAW_DECRYPT"},
		{"bits of a tag that does not exist", "encrypt", `{` + aes + `,"alg":"AES","plain":"AAAA","mode":"GCM","tag_len":0}`, 400, "tag_len"},
		{"bits of a tag that is too long", "encrypt", `{` + aes + `,"alg":"AES","plain":"AAAA","mode":"GCM","tag_len":256}`, 400, "tag_len"},
		{"bad base64", "encrypt", `{` + aes + `,"alg":"AES","plain":"marker!","mode":"GCM"}`, 400, "base64"},
		{"base64 without padding", "encrypt", `{` + aes + `,"alg":"AES","plain":"AA","mode":"GCM"}`, 400, "base64"},
		{"no cipher", "decrypt", `{` + aes + `,"mode":"GCM"}`, 400, "cipher is required"},
		{"no iv", "decrypt", `{` + aes + `,"cipher":"AAAA","mode":"GCM","tag":"AAAAAAAAAAAAAAAAAAAAAA=="}`, 400, "iv"},
		{"no tag", "decrypt", `{` + aes + `,"cipher":"AAAA","mode":"GCM","iv":"AAAAAAAAAAAAAAAA"}`, 400, "tag"},
		{"masked", "decrypt", `{` + aes + `,"cipher":"AAAA","mode":"GCM","masked":true}`, 400, "masked"},
		{"neither hash nor data", "sign", `{` + ec + `,"hash_alg":"SHA256"}`, 400, "exactly one of hash and data"},
		{"hash and data", "sign", `{` + ec + `,"hash_alg":"SHA256","hash":"` + hash + `","data":"AAAA"}`, 400, "exactly one of hash and data"},
		{"hash and no data", "sign", `{` + ec + `,"hash_alg":"SHA256","hash":"` + hash + `","data":null}`, 200, `"signature":`},
		{"empty data", "sign", `{` + ec + `,"hash_alg":"SHA256","data":""}`, 200, `"signature":`},
		{"no hash_alg", "sign", `{` + ec + `,"data":"AAAA"}`, 400, "hash_alg"},
		{"hash of another length", "sign", `{` + ec + `,"hash_alg":"SHA384","hash":"` + hash + `"}`, 400, "48 bytes"},
		{"hash of the API alone", "sign", `{` + ec + `,"hash_alg":"RIPEMD160","data":"AAAA"}`, 501, "RIPEMD160"},
		{"context", "sign", `{` + ec + `,"hash_alg":"SHA256","data":"AAAA","context":"AAAA"}`, 400, "ML-DSA"},
		{"deterministic ECDSA", "sign", `{` + ec + `,"hash_alg":"SHA256","data":"AAAA","deterministic_signature":true}`, 501, "deterministic"},
		{"deterministic RSA", "sign", `{` + rsaID + `,"hash_alg":"SHA256","data":"AAAA","deterministic_signature":true}`, 200, `"signature":`},
		{"deterministic, but not", "sign", `{` + ec + `,"hash_alg":"SHA256","data":"AAAA","deterministic_signature":false}`, 200, `"signature":`},
		{"PSS with two hashes", "sign", `{` + rsaID + `,"hash_alg":"SHA512","data":"AAAA","mode":{"PSS":{"mgf":{"mgf1":{"hash":"SHA256"}}}}}`, 501, "PSS"},
		{"mode for EC", "sign", `{` + ec + `,"hash_alg":"SHA256","data":"AAAA","mode":{"PKCS1_V15":{}}}`, 400, "RSA only"},
		{"Ed25519", "sign", `{` + edID + `,"data":"AAAA"}`, 200, `"signature":`},
		{"Ed25519 with its own hash", "sign", `{` + edID + `,"hash_alg":"SHA512","data":"AAAA"}`, 200, `"signature":`},
		{"Ed25519 with another hash", "sign", `{` + edID + `,"hash_alg":"SHA256","data":"AAAA"}`, 400, "SHA512"},
		{"Ed25519 of a hash", "sign", `{` + edID + `,"hash_alg":"SHA512","hash":"AAAA"}`, 400, "Ed25519"},
		{"no signature", "verify", `{` + ec + `,"hash_alg":"SHA256","data":"AAAA"}`, 400, "signature is required"},
		{"a signature that is none", "verify", `{` + ec + `,"hash_alg":"SHA256","data":"AAAA","signature":"AAAA"}`, 200, `"result":false`},
		{"signing with AES", "sign", `{` + aes + `,"hash_alg":"SHA256","data":"AAAA"}`, 403, "key_ops"},
		{"no data", "mac", `{` + hmacID + `,"alg":"SHA256"}`, 400, "data is required"},
		{"no hash for HMAC", "mac", `{` + hmacID + `,"data":"AAAA"}`, 400, "alg"},
		{"CMAC", "mac", `{` + aes + `,"data":"AAAA"}`, 200, `"mac":`},
		{"a hash for CMAC", "mac", `{` + aes + `,"data":"AAAA","alg":"SHA256"}`, 400, "alg"},
		{"no mac", "macverify", `{` + hmacID + `,"alg":"SHA256","data":"AAAA"}`, 400, "mac"},
		{"below the key", "keys/" + e.aes.KID + "/encrypt", `{"alg":"AES","mode":"GCM","plain":""}`, 200, `"kid":"` + e.aes.KID + `"`},
		{"below the key, in capitals", "keys/" + strings.ToUpper(e.aes.KID) + "/encrypt", `{"alg":"AES","mode":"GCM","plain":""}`, 200, `"kid":"` + e.aes.KID + `"`},
		{"mac below the key", "keys/" + e.hmac.KID + "/mac", `{"alg":"SHA256","data":"AAAA"}`, 200, `"mac":`},
		{"below no key", "keys/marker/encrypt", `{"alg":"AES","mode":"GCM","plain":""}`, 400, "kid must be a UUID"},
		{"no body", "encrypt", ``, 400, "body"},
		{"a list", "encrypt", `[]`, 400, "body"},
	} {
		t.Run(c.path+" "+c.name, func(t *testing.T) {
			t.Parallel()
			status, reply := w.ask(http.MethodPost, "/crypto/v1/"+c.path, c.body)
			if status != c.status || !strings.Contains(reply, c.says) {
				t.Errorf("got %d %s, want %d with %q", status, reply, c.status, c.says)
			}
			if strings.Contains(reply, "marker") {
				t.Errorf("the refusal repeats what was sent: %s", reply)
			}
			if strings.Contains(reply, "null") {
				t.Errorf("a reply says null: %s", reply)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for alg, size := range map[string]int{
		"SHA1": 20, "SHA224": 28, "SHA256": 32, "SHA384": 48, "SHA512": 64, "SHA3_224": 28, "SHA3_256": 32, "SHA3_384": 48, "SHA3_512": 64,
	} {
		d, err := w.app.Digest(t.Context(), alg, message)
		must(t, err)
		if len(d) != size {
			t.Errorf("%s: got %d bytes, want %d", alg, len(d), size)
		}
		if alg == "SHA256" && !bytes.Equal(d, digest) {
			t.Errorf("got %x, want %x", d, digest)
		}
	}
	for body, want := range map[string]int{
		`{"alg":"SHA256","data":""}`: 200, `{"alg":"SHA256"}`: 400, `{"data":""}`: 400, `{"alg":"MD5","data":""}`: 400, `{"alg":"BLAKE2B256","data":""}`: 501,
	} {
		if status, reply := w.ask(http.MethodPost, "/crypto/v1/digest", body); status != want {
			t.Errorf("%s: got %d %s, want %d", body, status, reply, want)
		}
	}
}

func TestRandom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, err := w.app.Random(t.Context(), 32)
	must(t, err)
	b, err := w.app.Random(t.Context(), 32)
	must(t, err)
	if len(a) != 32 || bytes.Equal(a, b) {
		t.Errorf("got %x and %x", a, b)
	}
	for _, n := range []int{-1, 0, 64<<10 + 1} {
		if r, err := w.app.Random(t.Context(), n); err == nil {
			t.Errorf("%d bytes were given for %d", len(r), n)
		}
	}
}

// A batch answers item by item, in order, and one item's mistake is its own.
func TestBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate(w.slot)
	var items []dsmwire.SignRequest
	for i := range 40 {
		items = append(items, dsmwire.SignRequest{Key: byID(e.ec), HashAlg: "SHA256", Data: []byte{byte(i)}})
	}
	items[7].Key, items[8].Data, items[9].Key = &dsmwire.SobjectDescriptor{Name: "nobody"}, nil, nil
	signed, err := w.app.BatchSign(t.Context(), items)
	must(t, err)
	var checks []dsmwire.VerifyRequest
	for i, s := range signed {
		want := map[int]int{7: 404, 8: 400, 9: 400}[i]
		if want == 0 {
			want = 200
		}
		if s.Status != want || (s.Body != nil) != (want == 200) || (s.Error == "") != (want == 200) {
			t.Errorf("item %d: got %d %q, want %d", i, s.Status, s.Error, want)
		}
		if s.Body != nil {
			checks = append(checks, dsmwire.VerifyRequest{Key: byID(e.ec), HashAlg: "SHA256", Data: []byte{byte(i)}, Signature: s.Body.Signature})
		}
	}
	verified, err := w.app.BatchVerify(t.Context(), checks)
	must(t, err)
	for i, v := range verified {
		if v.Body == nil || !v.Body.Result {
			t.Errorf("signature %d is not that of its item: %+v", i, v)
		}
	}

	gcm := &dsmwire.Mode{Name: "GCM"}
	sealed, err := w.app.BatchEncrypt(t.Context(), []dsmwire.BatchItem[dsmwire.EncryptRequest]{
		{KID: e.aes.KID, Request: dsmwire.EncryptRequest{Alg: "AES", Mode: gcm, Plain: message}},
		{KID: "nobody", Request: dsmwire.EncryptRequest{Alg: "AES", Mode: gcm, Plain: message}},
	})
	must(t, err)
	if len(sealed) != 2 || sealed[0].Body == nil || sealed[1].Status != 400 {
		t.Fatalf("got %+v", sealed)
	}
	opened, err := w.app.BatchDecrypt(t.Context(), []dsmwire.BatchItem[dsmwire.DecryptRequest]{{KID: e.aes.KID, Request: dsmwire.DecryptRequest{
		Mode: gcm, Cipher: sealed[0].Body.Cipher, IV: sealed[0].Body.IV, Tag: sealed[0].Body.Tag,
	}}})
	must(t, err)
	if opened[0].Body == nil || !bytes.Equal(opened[0].Body.Plain, message) {
		t.Errorf("got %+v", opened)
	}

	t.Run("bounds", func(t *testing.T) {
		t.Parallel()
		many, err := json.Marshal(make([]dsmwire.SignRequest, 1025))
		must(t, err)
		for _, body := range []string{`[]`, `{}`, string(many)} {
			if status, reply := w.ask(http.MethodPost, "/crypto/v1/keys/batch/sign", body); status != 400 {
				t.Errorf("%.40s: got %d %s, want 400", body, status, reply)
			}
		}
	})
}
