package dsmwire

import (
	"encoding/json"

	"gatehouse/core/fault"
)

// Mode is CryptMode or SignatureMode of the API, an untagged union: a cipher
// mode is a string ("GCM"), an RSA padding an object with one field
// ({"PKCS1_V15": {}}, {"OAEP": {"mgf": {"mgf1": {"hash": "SHA256"}}}}), a variant
// of ML-DSA one whose field says so ({"variant": "PURE"}).
type Mode struct {
	Name string // cipher mode, padding or variant: GCM, OAEP, PSS, PKCS1_V15, RAW_DECRYPT, PURE …
	Hash string // OAEP and PSS: the hash of MGF1
}

// The names of the paddings.
const (
	OAEP       = "OAEP"
	PSS        = "PSS"
	PKCS1v15   = "PKCS1_V15"
	RawDecrypt = "RAW_DECRYPT"
)

// The variants of ML-DSA.
const (
	Pure       = "PURE"
	PreHash    = "PRE_HASH"
	ExternalMu = "EXTERNAL_MU"
)

type variant struct {
	Variant string `json:"variant"`
}

// IsVariant reports whether the mode is a variant of ML-DSA.
func (m Mode) IsVariant() bool {
	switch m.Name {
	case Pure, PreHash, ExternalMu:
		return true
	default:
		return false
	}
}

type padding struct {
	MGF *mgf `json:"mgf,omitempty"`
}

type mgf struct {
	MGF1 *mgf1 `json:"mgf1,omitempty"`
}

type mgf1 struct {
	Hash string `json:"hash"`
}

// IsPadding reports whether the mode is an RSA padding.
func (m Mode) IsPadding() bool {
	switch m.Name {
	case OAEP, PSS, PKCS1v15, RawDecrypt:
		return true
	default:
		return false
	}
}

// MarshalJSON writes the union.
func (m Mode) MarshalJSON() ([]byte, error) {
	if m.IsVariant() {
		return json.Marshal(variant{m.Name})
	}
	if !m.IsPadding() {
		return json.Marshal(m.Name)
	}
	p := padding{}
	if m.Name == OAEP || m.Name == PSS {
		p.MGF = &mgf{&mgf1{m.Hash}}
	}
	return json.Marshal(map[string]padding{m.Name: p})
}

// UnmarshalJSON reads the union.
func (m *Mode) UnmarshalJSON(b []byte) error {
	var name string
	if json.Unmarshal(b, &name) == nil {
		*m = Mode{Name: name}
		if m.IsPadding() {
			return fault.New(fault.Invalid, "an RSA padding is an object, as {\"PKCS1_V15\": {}}")
		}
		if m.IsVariant() {
			return fault.New(fault.Invalid, "a variant of ML-DSA is an object, as {\"variant\": \"PURE\"}")
		}
		return nil
	}
	var v variant
	if json.Unmarshal(b, &v) == nil && v.Variant != "" {
		*m = Mode{Name: v.Variant}
		if !m.IsVariant() {
			return fault.New(fault.Invalid, "mode is not a variant that the API knows")
		}
		return nil
	}
	var o map[string]padding
	if json.Unmarshal(b, &o) != nil || len(o) != 1 {
		return fault.New(fault.Invalid, "mode is neither a cipher mode nor one padding")
	}
	for n, p := range o {
		*m = Mode{Name: n}
		if !m.IsPadding() {
			return fault.New(fault.Invalid, "mode is not a padding that the API knows")
		}
		if p.MGF != nil && p.MGF.MGF1 != nil {
			m.Hash = p.MGF.MGF1.Hash
		}
		if needs := n == OAEP || n == PSS; needs != (m.Hash != "") {
			return fault.New(fault.Invalid, "mode names the hash of a mask generation function exactly for OAEP and PSS")
		}
	}
	return nil
}
