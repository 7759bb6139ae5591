package restapi

import (
	"context"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// rekeyRequest names the key to be rotated by its name.
type rekeyRequest struct {
	sobjectRequest

	DeactivateRotatedKey *bool `json:"deactivate_rotated_key,omitempty"`
}

// copyRequest names the key to be copied by key; name is the copy's.
type copyRequest struct {
	sobjectRequest

	Key dsmwire.SobjectDescriptor `json:"key"`
}

func (s *server) rekey(ctx context.Context, c *call[rekeyRequest]) (dsmwire.Sobject, error) {
	r := &c.Body.sobjectRequest
	if r.Name == nil || *r.Name == "" {
		return dsmwire.Sobject{}, fault.New(fault.Invalid, "name is required: that of the key to be rotated")
	}
	gid, shape, err := reshape(r)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	k, err := s.Keyring.Rotate(ctx, c.Caller, keyring.Rotation{
		Key: keyring.Descriptor{Name: *r.Name}, Group: gid, Shape: shape, Deactivate: c.Body.DeactivateRotatedKey,
	})
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return sobject(k, everything), nil
}

func (s *server) copyKey(ctx context.Context, c *call[copyRequest]) (dsmwire.Sobject, error) {
	d, err := descriptor(&c.Body.Key)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	r := &c.Body.sobjectRequest
	gid, shape, err := reshape(r)
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	if r.Name == nil {
		return dsmwire.Sobject{}, fault.New(fault.Invalid, "name is required: that of the copy")
	}
	k, err := s.Keyring.Copy(ctx, c.Caller, keyring.Copying{
		Key: d, Group: gid, Shape: func(source keys.Key, spec keys.Spec) (keys.Spec, error) {
			spec, err := shape(source, spec)
			if err == nil && (spec.Size != 0 && spec.Size != source.Size || spec.Curve != source.Curve) {
				err = fault.New(fault.Invalid, "a copy has the key_size and elliptic_curve of its original")
			}
			return spec, err
		},
	})
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	return sobject(k, everything), nil
}

// reshape reads what a key that is made after another is to have otherwise.
// What is not given stays as it is with the other.
func reshape(r *sobjectRequest) (id.Group, func(keys.Key, keys.Spec) (keys.Spec, error), error) {
	if err := r.unsupported(); err != nil {
		return "", nil, err
	}
	if !r.Value.IsZero() || isSet(r.Transient) || r.KCV != "" {
		return "", nil, fault.New(fault.Invalid, "value, transient and kcv are for keys that are generated or imported")
	}
	gid, err := optionalID[id.Group](r.GroupID, "group_id")
	return gid, func(k keys.Key, spec keys.Spec) (keys.Spec, error) { return reshaped(r, k, spec) }, err
}

func reshaped(r *sobjectRequest, k keys.Key, spec keys.Spec) (keys.Spec, error) {
	if r.ObjType != "" && r.ObjType != string(k.Type) {
		return spec, fault.New(fault.Invalid, "obj_type cannot be changed")
	}
	var err error
	if spec.State, err = newState(r.State); err != nil {
		return spec, err
	}
	if spec.Rotation, err = newRotation(r); err != nil {
		return spec, err
	}
	if r.EllipticCurve != "" {
		if spec.Curve, err = keys.ParseCurve(r.EllipticCurve); err != nil {
			return spec, err
		}
	}
	bits, err := size(r)
	if err != nil {
		return spec, err
	}
	if bits != 0 {
		spec.Size = bits
	}
	if cipher, err := r.policy(k.Type); err != nil {
		return spec, err
	} else if cipher != (keys.CipherOptions{}) {
		spec.Cipher = cipher
	}
	if export, err := exportPolicy(r.ExportPolicy); err != nil {
		return spec, err
	} else if export != nil {
		if err := k.Export.Becomes(*export); err != nil {
			return spec, err
		}
		spec.Export = *export
	}
	given, err := r.paddings()
	if err != nil {
		return spec, err
	}
	spec.Paddings = given.Over(spec.Paddings)
	e, err := exponent(r, k.Type)
	if err != nil {
		return spec, err
	}
	if e != 0 {
		spec.RSA.PublicExponent = e
	}
	if r.KeyOps != nil {
		if spec.Ops, err = keys.ParseOps(*r.KeyOps); err != nil {
			return spec, err
		}
		if spec.Ops == 0 {
			return spec, fault.New(fault.Invalid, "key_ops is empty; leave it out for those of the other key")
		}
	}
	if r.Name != nil {
		spec.Name = *r.Name
	}
	if r.Enabled != nil {
		spec.Enabled = *r.Enabled
	}
	if r.Description != nil {
		if spec.Description, err = described(r.Description); err != nil {
			return spec, err
		}
	}
	if r.CustomMetadata != nil {
		if spec.Metadata, err = metadata(r.CustomMetadata); err != nil {
			return spec, err
		}
	}
	spec.ActivationDate, spec.Deactivation = timeOf(r.ActivationDate), timeOf(r.DeactivationDate)
	return spec, nil
}
