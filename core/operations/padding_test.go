package operations_test

import (
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// policyOf is a policy of rules, each a padding with or without a hash.
func policyOf(rules ...keys.PaddingRule) keys.PaddingPolicy {
	return keys.PaddingPolicy{Given: true, Rules: rules}
}

var (
	every     = keys.PaddingRule{}
	v15       = keys.PaddingRule{Padding: "PKCS1_V15"}
	oaep      = keys.PaddingRule{Padding: "OAEP"}
	oaep256   = keys.PaddingRule{Padding: "OAEP", Hash: "SHA256"}
	oaep384   = keys.PaddingRule{Padding: "OAEP", Hash: "SHA384"}
	pss       = keys.PaddingRule{Padding: "PSS"}
	pss256    = keys.PaddingRule{Padding: "PSS", Hash: "SHA256"}
	pss512    = keys.PaddingRule{Padding: "PSS", Hash: "SHA512"}
	said      = policyOf
	nothing   = keys.PaddingPolicy{}
	noPadding = said()
)

// how is a padding and the hash of its mask.
type how struct {
	mode operations.Mode
	hash operations.Hash
}

var (
	byOAEP1   = how{operations.OAEP, operations.SHA1}
	byOAEP256 = how{operations.OAEP, operations.SHA256}
	byOAEP384 = how{operations.OAEP, operations.SHA384}
	byPSS256  = how{operations.PSS, operations.SHA256}
	byPSS512  = how{operations.PSS, operations.SHA512}
	byV15     = how{operations.PKCS1v15, operations.NoHash}
)

// The table is every policy of one or two rules against every padding: which are
// allowed, and which one is meant where a request names none.
func TestPaddingsOfAPolicy(t *testing.T) {
	t.Parallel()
	encryption := []how{byV15, byOAEP1, byOAEP256, byOAEP384}
	signature := []how{byV15, byPSS256, byPSS512}
	for name, c := range map[string]struct {
		policy      keys.PaddingPolicy
		encrypts    []how // which encryptions are allowed
		byDefault   how
		signs       []how
		signsAlways how // by default, over SHA-256
	}{
		"no policy":                    {nothing, encryption, byOAEP256, signature, byV15},
		"every padding":                {said(every), encryption, byOAEP256, signature, byV15},
		"no padding":                   {noPadding, nil, how{}, nil, how{}},
		"PKCS #1 v1.5":                 {said(v15), []how{byV15}, byV15, []how{byV15}, byV15},
		"OAEP":                         {said(oaep), []how{byOAEP1, byOAEP256, byOAEP384}, byOAEP256, nil, how{}},
		"OAEP with one hash":           {said(oaep384), []how{byOAEP384}, byOAEP384, nil, how{}},
		"OAEP with either of two":      {said(oaep384, oaep256), []how{byOAEP256, byOAEP384}, byOAEP384, nil, how{}},
		"PSS":                          {said(pss), nil, how{}, []how{byPSS256, byPSS512}, byPSS256},
		"PSS with one hash":            {said(pss512), nil, how{}, []how{byPSS512}, byPSS512},
		"PSS with either of two":       {said(pss256, pss512), nil, how{}, []how{byPSS256, byPSS512}, byPSS256},
		"the old one first":            {said(v15, oaep256), []how{byV15, byOAEP256}, byV15, []how{byV15}, byV15},
		"the new one first":            {said(oaep256, v15), []how{byV15, byOAEP256}, byOAEP256, []how{byV15}, byV15},
		"one, and every other one too": {said(v15, every), encryption, byV15, signature, byV15},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encrypting := keys.Key{Type: keys.RSA, Size: 2048, Paddings: keys.RSAPaddings{Encryption: c.policy}}
			signing := keys.Key{Type: keys.RSA, Size: 2048, Paddings: keys.RSAPaddings{Signature: c.policy}}
			for _, h := range encryption {
				for _, op := range []operations.Operation{
					operations.Encrypt{Mode: h.mode, Hash: h.hash},
					operations.Decrypt{Mode: h.mode, Hash: h.hash},
					operations.Wrap{Mode: h.mode, Hash: h.hash},
					operations.Unwrap{Mode: h.mode, Hash: h.hash},
				} {
					permitted(t, op, encrypting, h, c.encrypts)
					permitted(t, op, signing, h, encryption)
				}
			}
			for _, h := range signature {
				hash := h.hash
				if hash == operations.NoHash {
					hash = operations.SHA256
				}
				for _, op := range []operations.Operation{operations.Sign{Mode: h.mode, Hash: hash}, operations.Verify{Mode: h.mode, Hash: hash}} {
					permitted(t, op, signing, h, c.signs)
					permitted(t, op, encrypting, h, signature)
				}
			}
			if c.encrypts != nil || !c.policy.Given || len(c.policy.Rules) == 0 {
				mode, hash, err := operations.DefaultCipher(encrypting)
				wantDefault(t, "encryption", how{mode, hash}, c.byDefault, err)
			}
			if c.signs != nil || !c.policy.Given || len(c.policy.Rules) == 0 {
				mode, hash, err := operations.DefaultSignature(signing, operations.SHA256)
				wantDefault(t, "signature", how{mode, hash}, c.signsAlways, err)
			}
		})
	}
}

// permitted checks that op, which is done as h says, is allowed exactly if h is
// among those that are.
func permitted(t *testing.T, op operations.Operation, k keys.Key, h how, among []how) {
	t.Helper()
	allowed := false
	for _, a := range among {
		allowed = allowed || a == h
	}
	err := operations.Permit(op, k)
	if allowed && err != nil || !allowed && fault.KindOf(err) != fault.Denied {
		t.Errorf("%s with %s %s: got %v, want it allowed: %t", operations.Name(op), h.mode, h.hash, err, allowed)
	}
}

func wantDefault(t *testing.T, what string, got, want how, err error) {
	t.Helper()
	if want == (how{}) {
		if fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: got %s %s and error %v, want it denied", what, got.mode, got.hash, err)
		}
		return
	}
	if err != nil || got != want {
		t.Errorf("%s: got %s %s and error %v, want %s %s", what, got.mode, got.hash, err, want.mode, want.hash)
	}
}

func TestDefaultsOfOtherKeys(t *testing.T) {
	t.Parallel()
	for _, only := range []string{"", "GCM"} {
		if m, h, err := operations.DefaultCipher(keys.Key{Type: keys.AES, Cipher: keys.CipherOptions{Mode: only}}); err != nil || string(m) != only || h != "" {
			t.Errorf("an AES key for %q: got %s %s and error %v", only, m, h, err)
		}
	}
	if m, h, err := operations.DefaultSignature(keys.Key{Type: keys.EC, Curve: keys.P256}, operations.SHA256); err != nil || m != "" || h != "" {
		t.Errorf("an EC key: got %s %s and error %v, want no padding", m, h, err)
	}
}

func TestParseRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parse         func(padding, hash string) (keys.PaddingRule, error)
		padding, hash string
		want          fault.Kind
	}{
		"every padding":                    {operations.ParseEncryptionRule, "", "", ""},
		"OAEP":                             {operations.ParseEncryptionRule, "OAEP", "", ""},
		"OAEP with a hash":                 {operations.ParseEncryptionRule, "OAEP", "SHA3_256", ""},
		"OAEP with one that is not here":   {operations.ParseEncryptionRule, "OAEP", "RIPEMD160", fault.Unsupported},
		"OAEP with one that nobody knows":  {operations.ParseEncryptionRule, "OAEP", "MD6", fault.Invalid},
		"PKCS #1 v1.5":                     {operations.ParseEncryptionRule, "PKCS1_V15", "", ""},
		"PKCS #1 v1.5 with a mask":         {operations.ParseEncryptionRule, "PKCS1_V15", "SHA256", fault.Invalid},
		"a mask of every padding":          {operations.ParseEncryptionRule, "", "SHA256", fault.Invalid},
		"no padding":                       {operations.ParseEncryptionRule, "RAW_DECRYPT", "", fault.Unsupported},
		"PSS for encryption":               {operations.ParseEncryptionRule, "PSS", "", fault.Invalid},
		"PSS":                              {operations.ParseSignatureRule, "PSS", "SHA512", ""},
		"OAEP for signatures":              {operations.ParseSignatureRule, "OAEP", "", fault.Invalid},
		"PKCS #1 v1.5 for signatures":      {operations.ParseSignatureRule, "PKCS1_V15", "", ""},
		"no padding for signatures either": {operations.ParseSignatureRule, "RAW_DECRYPT", "", fault.Invalid},
	} {
		rule, err := c.parse(c.padding, c.hash)
		if got := fault.KindOf(err); err == nil && c.want != "" || err != nil && got != c.want {
			t.Errorf("%s: got error %v, want kind %q", name, err, c.want)
		}
		if want := (keys.PaddingRule{Padding: c.padding, Hash: c.hash}); err == nil && rule != want {
			t.Errorf("%s: got %v, want %v", name, rule, want)
		}
	}
}
