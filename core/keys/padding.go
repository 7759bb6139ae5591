package keys

import (
	"slices"

	"gatehouse/core/fault"
)

// RSAPaddings are the policies of an RSA key: which paddings it may be used with.
type RSAPaddings struct {
	Encryption PaddingPolicy // encrypting, decrypting, wrapping and unwrapping (encryption_policy in the API)
	Signature  PaddingPolicy // signing and verifying (signature_policy)
}

// PaddingPolicy allows the paddings that one of its rules allows. The zero value
// says nothing: a key without a policy is for every padding, and a new one gets
// the default of the API.
type PaddingPolicy struct {
	Given bool
	Rules []PaddingRule // none: no padding is allowed
}

// PaddingRule allows a padding.
type PaddingRule struct {
	Padding string // in the spelling of operations.Mode; empty: every one
	Hash    string // of the mask generation function of OAEP and PSS, in the spelling of operations.Hash; empty: every one
}

// maxRules is more than the number of different rules of a policy.
const maxRules = 32

// EveryPadding returns the policy that says that every padding is allowed.
func EveryPadding() PaddingPolicy { return PaddingPolicy{Given: true, Rules: []PaddingRule{{}}} }

// Said returns p with what it leaves unsaid.
func (p PaddingPolicy) Said() PaddingPolicy {
	if !p.Given {
		return EveryPadding()
	}
	return p
}

// Said returns p with what it leaves unsaid. Whoever makes a key after another
// one passes on its paddings so, lest the new one get the default of new keys.
func (p RSAPaddings) Said() RSAPaddings {
	return RSAPaddings{Encryption: p.Encryption.Said(), Signature: p.Signature.Said()}
}

// Over returns p with what it leaves unsaid as q has it.
func (p RSAPaddings) Over(q RSAPaddings) RSAPaddings {
	if !p.Encryption.Given {
		p.Encryption = q.Encryption
	}
	if !p.Signature.Given {
		p.Signature = q.Signature
	}
	return p
}

// Equal reports whether two policies say the same.
func (p PaddingPolicy) Equal(q PaddingPolicy) bool {
	return p.Given == q.Given && slices.Equal(p.Rules, q.Rules)
}

// Equal reports whether both policies say the same.
func (p RSAPaddings) Equal(q RSAPaddings) bool {
	return p.Encryption.Equal(q.Encryption) && p.Signature.Equal(q.Signature)
}

func (p RSAPaddings) clone() RSAPaddings {
	p.Encryption.Rules, p.Signature.Rules = slices.Clone(p.Encryption.Rules), slices.Clone(p.Signature.Rules)
	return p
}

// Check reports, as Invalid, what is wrong with p for a key of type t.
func (p RSAPaddings) Check(t Type) error {
	switch {
	case t != RSA && (p.Encryption.Given || p.Signature.Given):
		return fault.New(fault.Invalid, "encryption_policy and signature_policy are for RSA keys only")
	case len(p.Encryption.Rules) > maxRules || len(p.Signature.Rules) > maxRules:
		return fault.New(fault.Invalid, "encryption_policy and signature_policy have at most %d rules", maxRules)
	}
	return nil
}

// ofNewKey returns p for a new key of type t, with the default of the API filled
// in: an RSA key encrypts with OAEP alone, and signs with every padding.
func (p RSAPaddings) ofNewKey(t Type) (RSAPaddings, error) {
	if err := p.Check(t); err != nil || t != RSA {
		return p, err
	}
	if !p.Encryption.Given {
		p.Encryption = PaddingPolicy{Given: true, Rules: []PaddingRule{{Padding: "OAEP"}}}
	}
	p.Signature = p.Signature.Said()
	return p, nil
}
