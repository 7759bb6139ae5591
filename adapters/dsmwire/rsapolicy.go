package dsmwire

import (
	"encoding/json"

	"gatehouse/core/fault"
)

// RSAPolicies is RsaEncryptionPolicy or RsaSignaturePolicy of the API: what one
// of its rules allows is allowed. Nil says nothing; [] allows nothing.
type RSAPolicies []RSAPolicy

// RSAPolicy is one rule; without a padding it allows all.
type RSAPolicy struct {
	Padding *PaddingPolicy `json:"padding,omitempty"`
}

// PaddingPolicy is a padding that a rule allows, an object with one field:
// {"PKCS1_V15": {}}, {"OAEP": {}}, {"OAEP": {"mgf": {"mgf1": {"hash": "SHA256"}}}}.
type PaddingPolicy struct {
	Name string // OAEP, PSS, PKCS1_V15 or RAW_DECRYPT
	Hash string // OAEP and PSS: the hash of MGF1; empty: any
}

// maskPolicy is MgfPolicy, a union of one variant.
type maskPolicy struct {
	MGF1 *struct {
		Hash *string `json:"hash"`
	} `json:"mgf1"`
}

// MarshalJSON writes the union.
func (p PaddingPolicy) MarshalJSON() ([]byte, error) {
	o := padding{}
	if p.Hash != "" {
		o.MGF = &mgf{&mgf1{p.Hash}}
	}
	return json.Marshal(map[string]padding{p.Name: o})
}

// UnmarshalJSON reads the union. What would be a restriction that nobody knows is
// refused.
func (p *PaddingPolicy) UnmarshalJSON(b []byte) error {
	var o map[string]*struct {
		MGF *maskPolicy `json:"mgf"`
	}
	if json.Unmarshal(b, &o) != nil || len(o) != 1 {
		return fault.New(fault.Invalid, "padding of a policy is an object of one field, as {\"OAEP\": {}}")
	}
	for name, options := range o {
		*p = PaddingPolicy{Name: name}
		if !(Mode{Name: name}).IsPadding() || options == nil {
			return fault.New(fault.Invalid, "padding of a policy is not one that the API knows")
		}
		if options.MGF == nil {
			continue
		}
		if options.MGF.MGF1 == nil || options.MGF.MGF1.Hash != nil && *options.MGF.MGF1.Hash == "" {
			return fault.New(fault.Invalid, "mgf of a policy is not one that the API knows")
		}
		if h := options.MGF.MGF1.Hash; h != nil {
			p.Hash = *h
		}
	}
	return nil
}
