package sqlstore

import (
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// paddings is keys.RSAPaddings in a document. A policy that says nothing is left
// out; one that allows nothing is [].
type paddings struct {
	Encryption paddingPolicy `json:"encryption,omitzero"`
	Signature  paddingPolicy `json:"signature,omitzero"`
}

// IsZero lets omitzero leave out what says nothing.
func (p paddings) IsZero() bool { return p.Encryption == nil && p.Signature == nil }

type paddingPolicy []paddingRule

type paddingRule struct {
	Padding string `json:"padding,omitempty"`
	Hash    string `json:"hash,omitempty"`
}

func paddingsOf(p keys.RSAPaddings) paddings {
	return paddings{Encryption: paddingPolicyOf(p.Encryption), Signature: paddingPolicyOf(p.Signature)}
}

func paddingPolicyOf(p keys.PaddingPolicy) paddingPolicy {
	if !p.Given {
		return nil
	}
	rules := make(paddingPolicy, len(p.Rules))
	for i, r := range p.Rules {
		rules[i] = paddingRule(r)
	}
	return rules
}

func (p paddings) paddings() keys.RSAPaddings {
	return keys.RSAPaddings{Encryption: p.Encryption.policy(), Signature: p.Signature.policy()}
}

func (p paddingPolicy) policy() keys.PaddingPolicy {
	if p == nil {
		return keys.PaddingPolicy{}
	}
	var rules []keys.PaddingRule
	for _, r := range p {
		rules = append(rules, keys.PaddingRule(r))
	}
	return keys.PaddingPolicy{Given: true, Rules: rules}
}

// exportPolicy is keys.ExportPolicy in a document.
type exportPolicy struct {
	Wrapped bool     `json:"wrapped,omitempty"`
	Only    bool     `json:"only,omitempty"`
	Keys    []id.Key `json:"keys,omitempty"`
	Fixed   bool     `json:"fixed,omitempty"`
}

// IsZero lets omitzero leave out what says nothing.
func (p exportPolicy) IsZero() bool { return !p.Wrapped && !p.Only && !p.Fixed && len(p.Keys) == 0 }
