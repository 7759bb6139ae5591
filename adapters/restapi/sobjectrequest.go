package restapi

import (
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// Limits of what a request may store with a key, in bytes: a list of a thousand
// keys has to fit into memory.
const (
	maxDescription = 16 << 10
	maxMetadata    = 64 << 10 // names and values together
)

// sobjectRequest is a request with the options that are only refused.
type sobjectRequest struct {
	dsmwire.SobjectRequest

	AES              *modePolicy       `json:"aes,omitempty"`
	DES3             *modePolicy       `json:"des3,omitempty"`
	FPE              unbuilt           `json:"fpe,omitzero"`
	GooglePolicy     unbuilt           `json:"google_access_reason_policy,omitzero"`
	External         unbuilt           `json:"external,omitzero"`
	Links            unbuilt           `json:"links,omitzero"`
	Deterministic    unbuilt           `json:"deterministic_signatures,omitzero"`
	CredentialUse    unbuilt           `json:"allow_credential_use,omitzero"`
	PublishPublicKey *publishPublicKey `json:"publish_public_key,omitempty"`
}

// publishPublicKey tells whether anybody may read a key's public half.
type publishPublicKey struct {
	State string `json:"state" enum:"enabled,disabled"`
}

// newKeySpec reads what a new key is to be, and where.
func newKeySpec(r *sobjectRequest) (id.Group, keys.Spec, error) {
	var spec keys.Spec
	if err := r.unsupported(); err != nil {
		return "", spec, err
	}
	var err error
	if spec.State, err = newState(r.State); err != nil {
		return "", spec, err
	}
	if spec.Rotation, err = newRotation(r); err != nil {
		return "", spec, err
	}
	gid, err := optionalID[id.Group](r.GroupID, "group_id")
	if err != nil {
		return "", spec, err
	}
	if spec.Type, err = objectType(r.ObjType); err != nil {
		return "", spec, err
	}
	if spec.Cipher, err = r.policy(spec.Type); err != nil {
		return "", spec, err
	}
	if spec.Paddings, err = r.paddings(); err != nil {
		return "", spec, err
	}
	export, err := exportPolicy(r.ExportPolicy)
	if err != nil {
		return "", spec, err
	}
	if export != nil {
		spec.Export = *export
	}
	if spec.ParamSet, err = r.paramSet(spec.Type); err != nil {
		return "", spec, err
	}
	if r.EllipticCurve != "" {
		if spec.Curve, err = keys.ParseCurve(r.EllipticCurve); err != nil {
			return "", spec, err
		}
	}
	if spec.Size, err = size(r); err != nil {
		return "", spec, err
	}
	if spec.RSA.PublicExponent, err = exponent(r, spec.Type); err != nil {
		return "", spec, err
	}
	if r.KeyOps != nil {
		if spec.Ops, err = keys.ParseOps(*r.KeyOps); err != nil {
			return "", spec, err
		}
		if spec.Ops == 0 {
			return "", spec, fault.New(fault.Invalid, "key_ops is empty; leave it out for the default")
		}
	}
	if r.Name != nil {
		spec.Name = *r.Name
	}
	spec.Enabled = r.Enabled == nil || *r.Enabled
	spec.ActivationDate, spec.Deactivation = timeOf(r.ActivationDate), timeOf(r.DeactivationDate)
	if spec.Description, err = described(r.Description); err != nil {
		return "", spec, err
	}
	spec.Metadata, err = metadata(r.CustomMetadata)
	return gid, spec, err
}

// keyChange reads what of key k is to change. What cannot be changed may be
// given as it is: some clients send back all that they have read.
func keyChange(r *sobjectRequest, k keys.Key) (keyring.Change, error) {
	ch := keyring.Change{Name: r.Name, Enabled: r.Enabled}
	if err := r.unsupported(); err != nil {
		return ch, err
	}
	if err := unchangeable(r, k); err != nil {
		return ch, err
	}
	if gid, err := optionalID[id.Group](r.GroupID, "group_id"); err != nil {
		return ch, err
	} else if gid != "" && gid != k.Group {
		ch.Group = &gid
	}
	if r.Description != nil {
		d, err := described(r.Description)
		if err != nil {
			return ch, err
		}
		ch.Description = &d
	}
	if r.KeyOps != nil {
		ops, err := keys.ParseOps(*r.KeyOps)
		if err != nil {
			return ch, err
		}
		ch.Ops = &ops
	}
	if r.CustomMetadata != nil {
		m, err := metadata(r.CustomMetadata)
		if err != nil {
			return ch, err
		}
		ch.Metadata = &m
	}
	if t := timeOf(r.ActivationDate); !t.IsZero() && !t.Equal(dsmwire.NewTime(k.ActivationDate).Time()) {
		ch.ActivationDate = &t
	}
	if t := timeOf(r.DeactivationDate); !t.IsZero() {
		ch.Deactivation = &t
	}
	var err error
	if ch.Cipher, err = r.policyChange(k); err != nil {
		return ch, err
	}
	p, err := r.paddings()
	if err != nil {
		return ch, err
	}
	ch.Paddings = &p
	if ch.Export, err = exportPolicy(r.ExportPolicy); err != nil {
		return ch, err
	}
	if ch.Rotation, err = newRotation(r); err != nil {
		return ch, err
	}
	if ch.Rotation.Equal(noRotation()) {
		ch.Rotation, ch.NoRotation = nil, true
	}
	return ch, nil
}

// unchangeable refuses what would make another key of k.
func unchangeable(r *sobjectRequest, k keys.Key) error {
	bits, err := size(r)
	if err != nil {
		return err
	}
	set, err := r.paramSet(k.Type)
	if err != nil {
		return err
	}
	switch {
	case r.State != "" && r.State != string(k.State):
		return fault.New(fault.Invalid, "state is not changed by an update: use activate, revoke or destroy")
	case r.ObjType != "" && r.ObjType != string(k.Type):
		return fault.New(fault.Invalid, "obj_type cannot be changed")
	case r.EllipticCurve != "" && r.EllipticCurve != string(k.Curve):
		return fault.New(fault.Invalid, "elliptic_curve cannot be changed")
	case set != "" && set != k.ParamSet:
		return fault.New(fault.Invalid, "param_set cannot be changed")
	case bits != 0 && bits != k.Size:
		return fault.New(fault.Invalid, "key_size cannot be changed")
	case !r.Value.IsZero():
		return fault.New(fault.Invalid, "value cannot be changed")
	case r.Transient != nil && *r.Transient:
		return fault.New(fault.Invalid, "transient cannot be changed")
	default:
		return nil
	}
}

func objectType(s string) (keys.Type, error) {
	if s == "" {
		return "", fault.New(fault.Invalid, "obj_type is required")
	}
	return keys.ParseType(s)
}

// size is the size in bits that a request gives; 0 when it gives none.
func size(r *sobjectRequest) (int, error) {
	given := r.KeySize
	if r.RSA != nil && r.RSA.KeySize != nil {
		if given != nil && *given != *r.RSA.KeySize {
			return 0, fault.New(fault.Invalid, "key_size and rsa.key_size differ")
		}
		given = r.RSA.KeySize
	}
	if given == nil {
		return 0, nil
	}
	if *given == 0 || *given > 8*keys.MaxMaterial {
		return 0, fault.New(fault.Invalid, "key_size must be 1 to %d", 8*keys.MaxMaterial)
	}
	return int(*given), nil
}

func exponent(r *sobjectRequest, t keys.Type) (int, error) {
	given := r.PubExponent
	if r.RSA != nil && r.RSA.PublicExponent != nil {
		if given != nil && *given != *r.RSA.PublicExponent {
			return 0, fault.New(fault.Invalid, "pub_exponent and rsa.public_exponent differ")
		}
		given = r.RSA.PublicExponent
	}
	switch {
	case given == nil:
		return 0, nil
	case t != keys.RSA:
		return 0, fault.New(fault.Invalid, "pub_exponent is for RSA keys only")
	case *given == 0:
		return 0, fault.New(fault.Invalid, "public exponent must be odd and at least 65537")
	default:
		return int(*given), nil
	}
}

func described(d *string) (string, error) {
	if d == nil {
		return "", nil
	}
	if len(*d) > maxDescription {
		return "", fault.New(fault.Invalid, "description is longer than %d bytes", maxDescription)
	}
	return *d, nil
}

func metadata(m *map[string]string) (map[string]string, error) {
	if m == nil {
		return nil, nil
	}
	total := 0
	for k, v := range *m {
		total += len(k) + len(v)
	}
	if total > maxMetadata {
		return nil, fault.New(fault.Invalid, "custom_metadata holds more than %d bytes", maxMetadata)
	}
	return *m, nil
}

// optionalID reads an id that may be absent.
func optionalID[T ~string](s *string, field string) (T, error) {
	if s == nil {
		return "", nil
	}
	return parseID[T](*s, field)
}

// unsupported refuses options of the API that would change what the key may do,
// and that nothing here would honour. Asking for nothing is no such request.
func (r *sobjectRequest) unsupported() error {
	if r.PublishPublicKey != nil && r.PublishPublicKey.State != "disabled" {
		return notYet("publishing public keys")
	}
	return refuseUnbuilt(
		named{"fpe", r.FPE},
		named{"google_access_reason_policy", r.GooglePolicy},
		named{"external", r.External}, named{"links", r.Links},
		named{"deterministic_signatures", r.Deterministic}, named{"allow_credential_use", r.CredentialUse},
	)
}
