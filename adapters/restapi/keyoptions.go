package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// modePolicy are the options of an AES or DES3 key, with those that are only
// refused.
type modePolicy struct {
	dsmwire.CipherOptions

	KeySizes  unbuilt `json:"key_sizes,omitzero"`
	FPE       unbuilt `json:"fpe,omitzero"`
	TagLength unbuilt `json:"tag_length,omitzero"`
	RandomIV  unbuilt `json:"random_iv,omitzero"`
	IVLength  unbuilt `json:"iv_length,omitzero"`
}

// cipherMode returns the mode that the options name; empty when they name none.
func (o *modePolicy) cipherMode() (string, error) {
	if o == nil {
		return "", nil
	}
	if err := refuseUnbuilt(
		named{"key_sizes", o.KeySizes}, named{"fpe", o.FPE}, named{"tag_length", o.TagLength},
		named{"random_iv", o.RandomIV}, named{"iv_length", o.IVLength},
	); err != nil {
		return "", err
	}
	if o.CipherMode == "" {
		return "", nil
	}
	m, err := operations.ParseCipherMode(o.CipherMode)
	return string(m), err
}

// policy reads the mode that a key of type t is to be for.
func (r *sobjectRequest) policy(t keys.Type) (keys.CipherOptions, error) {
	aes, err := r.AES.cipherMode()
	if err != nil {
		return keys.CipherOptions{}, err
	}
	des3, err := r.DES3.cipherMode()
	switch {
	case err != nil:
		return keys.CipherOptions{}, err
	case aes != "" && t != keys.AES:
		return keys.CipherOptions{}, fault.New(fault.Invalid, "aes is for AES keys only")
	case des3 != "" && t != keys.DES3:
		return keys.CipherOptions{}, fault.New(fault.Invalid, "des3 is for DES3 keys only")
	}
	return keys.CipherOptions{Mode: aes + des3}, nil
}

// policyChange reads what a change of k makes of the mode that it is for; nil
// leaves it.
func (r *sobjectRequest) policyChange(k keys.Key) (*keys.CipherOptions, error) {
	p, err := r.policy(k.Type)
	if err != nil || r.AES == nil && r.DES3 == nil {
		return nil, err
	}
	return &p, nil
}

// paramSet reads the set of parameters of a key of type t.
func (r *sobjectRequest) paramSet(t keys.Type) (keys.ParamSet, error) {
	var set keys.ParamSet
	for _, o := range []struct {
		field   string
		typ     keys.Type
		options *dsmwire.ParamSetOptions
	}{{"mldsa", keys.MLDSA, r.MLDSA}, {"mlkem", keys.MLKEM, r.MLKEM}} {
		if o.options == nil || o.options.ParamSet == "" {
			continue
		}
		if t != o.typ {
			return "", fault.New(fault.Invalid, "%s is for %s keys only", o.field, o.typ)
		}
		var err error
		if set, err = keys.ParseParamSet(t, o.options.ParamSet); err != nil {
			return "", err
		}
	}
	return set, nil
}

// showOptions tells of k what is particular to its type.
func showOptions(o *dsmwire.Sobject, k keys.Key) {
	cipher := &dsmwire.CipherOptions{CipherMode: k.Cipher.Mode}
	switch {
	case k.Type == keys.AES && k.Cipher.Mode != "":
		o.AES = cipher
	case k.Type == keys.DES3 && k.Cipher.Mode != "":
		o.DES3 = cipher
	case k.Type == keys.MLDSA:
		o.MLDSA = &dsmwire.ParamSetOptions{ParamSet: string(k.ParamSet)}
	case k.Type == keys.MLKEM:
		o.MLKEM = &dsmwire.ParamSetOptions{ParamSet: string(k.ParamSet)}
	}
}
