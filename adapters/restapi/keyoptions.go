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
	IVLength  unbuilt `json:"iv_length,omitzero"`
}

// policy reads the options; the zero value when they ask for nothing.
func (o *modePolicy) policy() (keys.CipherOptions, error) {
	if o == nil {
		return keys.CipherOptions{}, nil
	}
	if err := refuseUnbuilt(
		named{"key_sizes", o.KeySizes}, named{"fpe", o.FPE}, named{"tag_length", o.TagLength}, named{"iv_length", o.IVLength},
	); err != nil {
		return keys.CipherOptions{}, err
	}
	p := keys.CipherOptions{RandomIV: isSet(o.RandomIV)}
	if o.CipherMode == "" {
		return p, nil
	}
	m, err := operations.ParseCipherMode(o.CipherMode)
	p.Mode = string(m)
	return p, err
}

// policy reads how a key of type t is to encrypt.
func (r *sobjectRequest) policy(t keys.Type) (keys.CipherOptions, error) {
	var none keys.CipherOptions
	aes, err := r.AES.policy()
	if err != nil {
		return none, err
	}
	des3, err := r.DES3.policy()
	switch {
	case err != nil:
		return none, err
	case aes != none && t != keys.AES:
		return none, fault.New(fault.Invalid, "aes is for AES keys only")
	case des3 != none && t != keys.DES3:
		return none, fault.New(fault.Invalid, "des3 is for DES3 keys only")
	case t == keys.DES3:
		return des3, nil
	default:
		return aes, nil
	}
}

// policyChange reads what a change of k makes of how it encrypts; nil
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
	if k.Cipher.RandomIV {
		cipher.RandomIV = &k.Cipher.RandomIV
	}
	switch {
	case k.Type == keys.RSA:
		o.RSA = &dsmwire.RSAOptions{
			KeySize:          o.KeySize,
			EncryptionPolicy: rsaPolicy(k.Paddings.Encryption), SignaturePolicy: rsaPolicy(k.Paddings.Signature),
		}
	case k.Type == keys.AES && k.Cipher != (keys.CipherOptions{}):
		o.AES = cipher
	case k.Type == keys.DES3 && k.Cipher != (keys.CipherOptions{}):
		o.DES3 = cipher
	case k.Type == keys.MLDSA:
		o.MLDSA = &dsmwire.ParamSetOptions{ParamSet: string(k.ParamSet)}
	case k.Type == keys.MLKEM:
		o.MLKEM = &dsmwire.ParamSetOptions{ParamSet: string(k.ParamSet)}
	}
}
