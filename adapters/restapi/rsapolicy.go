package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// paddings reads the policies of an RSA key; what the request leaves out is not given.
func (r *sobjectRequest) paddings() (keys.RSAPaddings, error) {
	var p keys.RSAPaddings
	if r.RSA == nil {
		return p, nil
	}
	var err error
	if p.Encryption, err = paddingPolicy(r.RSA.EncryptionPolicy, operations.ParseEncryptionRule); err != nil {
		return p, err
	}
	p.Signature, err = paddingPolicy(r.RSA.SignaturePolicy, operations.ParseSignatureRule)
	return p, err
}

func paddingPolicy(list dsmwire.RSAPolicies, parse func(padding, hash string) (keys.PaddingRule, error)) (keys.PaddingPolicy, error) {
	p := keys.PaddingPolicy{Given: list != nil}
	for _, l := range list {
		var given dsmwire.PaddingPolicy
		if l.Padding != nil {
			given = *l.Padding
		}
		rule, err := parse(given.Name, given.Hash)
		if err != nil {
			return keys.PaddingPolicy{}, err
		}
		p.Rules = append(p.Rules, rule)
	}
	return p, nil
}

// rsaPolicy is p as the API shows it.
func rsaPolicy(p keys.PaddingPolicy) dsmwire.RSAPolicies {
	list := dsmwire.RSAPolicies{}
	for _, r := range p.Said().Rules {
		if r.Padding == "" {
			list = append(list, dsmwire.RSAPolicy{})
		} else {
			list = append(list, dsmwire.RSAPolicy{Padding: &dsmwire.PaddingPolicy{Name: r.Padding, Hash: r.Hash}})
		}
	}
	return list
}
