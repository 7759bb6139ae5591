package restapi_test

import (
	"bytes"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmwire"
)

var leaving = []string{"ENCRYPT", "DECRYPT", "EXPORT"}

// valueOf exports a key of an ordinary group.
func (w *world) valueOf(d dsmwire.SobjectDescriptor) []byte {
	w.tb.Helper()
	k, err := w.app.Export(w.tb.Context(), d)
	must(w.tb, err)
	raw, err := k.Value.MarshalJSON()
	must(w.tb, err)
	b, err := base64.StdEncoding.DecodeString(strings.Trim(string(raw), `"`))
	must(w.tb, err)
	return b
}

func TestDerive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	value := []byte("thirty-two bytes of a known key!")
	base, err := w.app.Import(ctx, dsmwire.SobjectRequest{
		Name: ptr("base"), ObjType: "SECRET", Value: secretBytes(value), KeyOps: ptr([]string{"DERIVEKEY"}),
	})
	must(t, err)
	cipher, err := w.app.Import(ctx, dsmwire.SobjectRequest{Name: ptr("cipher"), ObjType: "AES", Value: secretBytes(value), KeyOps: ptr([]string{"DERIVEKEY", "ENCRYPT"})})
	must(t, err)
	byHKDF := dsmwire.DeriveKeyMechanism{HKDF: &dsmwire.DeriveKeyHKDF{HashAlg: "SHA256", Info: []byte("info"), Salt: []byte("salt")}}

	t.Run("by HKDF, as the standard library does", func(t *testing.T) {
		want, err := hkdf.Key(sha256.New, value, []byte("salt"), "info", 32)
		must(t, err)
		k, err := w.app.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: byID(base), Mechanism: byHKDF, KeyType: "AES", KeySize: ptr(uint32(256)), Name: ptr("derived"), KeyOps: &leaving,
		})
		must(t, err)
		if got := w.valueOf(*byID(k)); !bytes.Equal(got, want) {
			t.Errorf("got another key than the standard library derives")
		}
		if k.Links == nil || k.Links.Parent != base.KID || k.Origin != "FortanixHSM" {
			t.Errorf("got %+v, want its parent in its links", k)
		}
	})
	t.Run("as a transient key", func(t *testing.T) {
		want, err := hkdf.Key(sha256.New, value, []byte("salt"), "info", 16)
		must(t, err)
		k, err := w.app.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: byID(base), Mechanism: byHKDF, KeyType: "AES", KeySize: ptr(uint32(128)), Transient: ptr(true), KeyOps: &leaving,
		})
		must(t, err)
		if got := w.valueOf(dsmwire.SobjectDescriptor{TransientKey: k.TransientKey}); k.KID != "" || !bytes.Equal(got, want) {
			t.Errorf("got %+v", k)
		}
	})
	t.Run("into an HSM", func(t *testing.T) {
		k, err := w.app.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: byID(base), Mechanism: byHKDF, KeyType: "AES", KeySize: ptr(uint32(256)), Name: ptr("derived into the HSM"), GroupID: &w.slot,
		})
		must(t, err)
		if k.External == nil || k.Origin != "FortanixHSM" || k.Links == nil || k.Links.Parent != base.KID {
			t.Errorf("got %+v, want a virtual key with its parent", k)
		}
	})
	t.Run("by encryption", func(t *testing.T) {
		data := []byte("sixteen bytes ok")
		block, err := aes.NewCipher(value)
		must(t, err)
		want := make([]byte, 16)
		block.Encrypt(want, data) // one block in CBC with the initialisation vector zero
		k, err := w.app.Derive(ctx, dsmwire.DeriveKeyRequest{
			Key: byID(cipher), KeyType: "AES", KeySize: ptr(uint32(128)), Name: ptr("encrypted"), KeyOps: &leaving,
			Mechanism: dsmwire.DeriveKeyMechanism{EncryptData: &dsmwire.EncryptRequest{Alg: "AES", Mode: &dsmwire.Mode{Name: "CBCNOPAD"}, IV: make([]byte, 16), Plain: data}},
		})
		must(t, err)
		if got := w.valueOf(*byID(k)); !bytes.Equal(got, want) {
			t.Errorf("got another key than the ciphertext")
		}
	})
	t.Run("mistakes", func(t *testing.T) {
		key := `"key":{"kid":"` + base.KID + `"}`
		hkdf := `"mechanism":{"hkdf":{"hash_alg":"SHA256"}}`
		for name, c := range map[string]struct {
			body   string
			status int
			says   string
		}{
			"no type":          {`{` + key + `,` + hkdf + `,"name":"x","key_size":128}`, 400, "key_type is required"},
			"no size":          {`{` + key + `,` + hkdf + `,"name":"x","key_type":"AES"}`, 400, "key_size"},
			"no name":          {`{` + key + `,` + hkdf + `,"key_type":"AES","key_size":128}`, 400, "name"},
			"no mechanism":     {`{` + key + `,"name":"x","key_type":"AES","key_size":128}`, 400, "mechanism"},
			"two mechanisms":   {`{` + key + `,"mechanism":{"hkdf":{"hash_alg":"SHA256"},"encrypt_data":{"alg":"AES","plain":""}},"name":"x","key_type":"AES","key_size":128}`, 400, "exactly one"},
			"BIP32":            {`{` + key + `,"mechanism":{"bip32_master_key":{"network":"Mainnet"}},"name":"x","key_type":"AES","key_size":128}`, 501, "BIP32"},
			"a key of RSA":     {`{` + key + `,` + hkdf + `,"name":"x","key_type":"RSA","key_size":2048}`, 400, "cannot be derived"},
			"no hash":          {`{` + key + `,"mechanism":{"hkdf":{"hash_alg":""}},"name":"x","key_type":"AES","key_size":128}`, 400, "digest"},
			"no base":          {`{` + hkdf + `,"name":"x","key_type":"AES","key_size":128}`, 400, "key is required"},
			"base of nobody":   {`{"key":{"name":"marker"},` + hkdf + `,"name":"x","key_type":"AES","key_size":128}`, 404, "sobject does not exist"},
			"by another key":   {`{` + key + `,"mechanism":{"encrypt_data":{"key":{"name":"marker"},"alg":"AES","plain":""}},"name":"x","key_type":"AES","key_size":128}`, 400, "encrypt_data"},
			"below the key":    {`{` + hkdf + `,"name":"below","key_type":"AES","key_size":128}`, 201, `"kid"`},
			"not DERIVEKEY":    {`{"key":{"kid":"` + w.wrapper("wraps", w.local).KID + `"},` + hkdf + `,"name":"x","key_type":"AES","key_size":128}`, 403, "key_ops"},
			"a state of death": {`{` + key + `,` + hkdf + `,"name":"x","key_type":"AES","key_size":128,"state":"Destroyed"}`, 400, "state"},
		} {
			path := "/crypto/v1/derive"
			if name == "below the key" {
				path = "/crypto/v1/keys/" + base.KID + "/derive"
			}
			if status, reply := w.ask(http.MethodPost, path, c.body); status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "marker") {
				t.Errorf("%s: got %d %s, want %d with %q", name, status, reply, c.status, c.says)
			}
		}
	})
}

// Both sides agree, wherever the private key is.
func TestAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	peer, err := ecdh.P256().GenerateKey(rand.Reader)
	must(t, err)
	spki, err := x509.MarshalPKIXPublicKey(peer.PublicKey())
	must(t, err)
	public := dsmwire.SobjectDescriptor{Inline: &dsmwire.InlineDescriptor{Value: secretBytes(spki), ObjType: "EC"}}
	ours := w.generate(dsmwire.SobjectRequest{Name: ptr("ours"), ObjType: "EC", EllipticCurve: "NistP256", KeyOps: ptr([]string{"AGREEKEY"})})
	k, err := w.app.Agree(ctx, dsmwire.AgreeKeyRequest{
		PrivateKey: *byID(ours), PublicKey: public, Mechanism: dsmwire.DiffieHellman, KeyType: "SECRET", KeySize: ptr(uint32(256)), Name: ptr("agreed"), KeyOps: ptr([]string{"DERIVEKEY", "EXPORT"}),
	})
	must(t, err)
	theirs, err := x509.ParsePKIXPublicKey(ours.PubKey)
	must(t, err)
	exchange, ok := theirs.(interface {
		ECDH() (*ecdh.PublicKey, error)
	})
	if !ok {
		t.Fatalf("public key is a %T", theirs)
	}
	point, err := exchange.ECDH()
	must(t, err)
	want, err := peer.ECDH(point)
	must(t, err)
	if got := w.valueOf(*byID(k)); !bytes.Equal(got, want) {
		t.Error("the two sides do not agree")
	}
	if k.Links == nil || k.Links.Parent != ours.KID {
		t.Errorf("got links %+v, want the private key as parent", k.Links)
	}
	t.Run("in an HSM, where both sides make the same key", func(t *testing.T) {
		var values []string
		a := w.generate(dsmwire.SobjectRequest{Name: ptr("a"), ObjType: "EC", EllipticCurve: "NistP256", GroupID: &w.slot, KeyOps: ptr([]string{"AGREEKEY"})})
		b := w.generate(dsmwire.SobjectRequest{Name: ptr("b"), ObjType: "EC", EllipticCurve: "NistP256", GroupID: &w.slot, KeyOps: ptr([]string{"AGREEKEY"})})
		for i, pair := range [][2]dsmwire.Sobject{{a, b}, {b, a}} {
			k, err := w.app.Agree(ctx, dsmwire.AgreeKeyRequest{
				PrivateKey: *byID(pair[0]), PublicKey: *byID(pair[1]), Mechanism: dsmwire.DiffieHellman, KeyType: "AES", KeySize: ptr(uint32(256)),
				Name: ptr(fmt.Sprintf("agreed in the HSM %d", i)), GroupID: &w.slot, KeyOps: ptr([]string{"ENCRYPT", "DECRYPT"}),
			})
			must(t, err)
			sealed, err := w.app.Encrypt(ctx, dsmwire.EncryptRequest{Key: byID(k), Alg: "AES", Mode: &dsmwire.Mode{Name: "CBC"}, IV: make([]byte, 16), Plain: message})
			must(t, err)
			values = append(values, string(sealed.Cipher))
		}
		if values[0] != values[1] {
			t.Error("the two sides do not agree")
		}
	})
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"no mechanism":        {`{"private_key":{"name":"ours"},"public_key":{"name":"ours"},"key_type":"SECRET","key_size":256,"name":"x"}`, 400, "mechanism is required"},
		"a mechanism":         {`{"private_key":{"name":"ours"},"public_key":{"name":"ours"},"key_type":"SECRET","key_size":256,"name":"x","mechanism":"marker"}`, 400, "mechanism"},
		"no private key":      {`{"public_key":{"name":"ours"},"key_type":"SECRET","key_size":256,"name":"x","mechanism":"diffie_hellman"}`, 400, "private_key"},
		"no public key":       {`{"private_key":{"name":"ours"},"key_type":"SECRET","key_size":256,"name":"x","mechanism":"diffie_hellman"}`, 400, "public_key"},
		"no size":             {`{"private_key":{"name":"ours"},"public_key":{"name":"ours"},"key_type":"SECRET","name":"x","mechanism":"diffie_hellman"}`, 400, "key_size is required"},
		"more than there is":  {`{"private_key":{"name":"ours"},"public_key":{"name":"ours"},"key_type":"SECRET","key_size":512,"name":"x","mechanism":"diffie_hellman"}`, 400, ""},
		"a peer on no curve":  {`{"private_key":{"name":"ours"},"public_key":{"inline":{"value":"AAAAAAAAAAAAAAAAAAAAAA==","obj_type":"AES"}},"key_type":"SECRET","key_size":256,"name":"x","mechanism":"diffie_hellman"}`, 403, "key_ops"},
		"a private key alone": {`{"private_key":{"inline":{"value":"` + base64.StdEncoding.EncodeToString(spki) + `","obj_type":"EC"}},"public_key":{"name":"ours"},"key_type":"SECRET","key_size":256,"name":"x","mechanism":"diffie_hellman"}`, 403, "key_ops"},
	} {
		t.Run(name, func(t *testing.T) {
			status, reply := w.ask(http.MethodPost, "/crypto/v1/agree", c.body)
			if status != c.status || !strings.Contains(reply, c.says) || strings.Contains(reply, "marker") {
				t.Errorf("got %d %s, want %d with %q", status, reply, c.status, c.says)
			}
		})
	}
}

// What was encapsulated is taken out again, and is the same key.
func TestEncapsulate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	status, reply := w.ask(http.MethodPost, "/crypto/v1/keys", `{"name":"kem","obj_type":"MLKEM","mlkem":{"param_set":"MlKem768"}}`)
	if status != 201 {
		t.Fatalf("got %d %s", status, reply)
	}
	kem := decoded[dsmwire.Sobject](t, reply)
	status, reply = w.ask(http.MethodPost, "/crypto/v1/encapsulate", `{"key":{"kid":"`+kem.KID+`"},"key_type":"AES","name":"made","key_ops":["ENCRYPT","EXPORT"]}`)
	if status != 201 {
		t.Fatalf("got %d %s", status, reply)
	}
	made := decoded[dsmwire.EncapsulateKeyResponse](t, reply)
	status, reply = w.ask(http.MethodPost, "/crypto/v1/decapsulate", fmt.Sprintf(`{"key":{"kid":%q},"ciphertext":%q,"key_type":"AES","transient":true,"key_ops":["ENCRYPT","EXPORT"]}`,
		kem.KID, base64.StdEncoding.EncodeToString(made.Ciphertext)))
	if status != 201 {
		t.Fatalf("got %d %s", status, reply)
	}
	if got := decoded[dsmwire.Sobject](t, reply); got.KCV != made.Key.KCV || got.KCV == "" {
		t.Errorf("got check value %s, want %s", got.KCV, made.Key.KCV)
	}
	if status, reply := w.ask(http.MethodPost, "/crypto/v1/decapsulate", `{"key":{"kid":"`+kem.KID+`"},"ciphertext":"AAAA","key_type":"AES","name":"x"}`); status != 400 {
		t.Errorf("got %d %s, want 400", status, reply)
	}
	if status, reply := w.ask(http.MethodPost, "/crypto/v1/encapsulate", `{"key":{"kid":"`+made.Key.KID+`"},"key_type":"AES","name":"x"}`); status != 403 {
		t.Errorf("with an AES key: got %d %s, want 403", status, reply)
	}
}
