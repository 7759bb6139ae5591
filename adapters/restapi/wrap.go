package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// wrapping registers the calls that take keys out and in under another key.
func (s *server) wrapping() {
	register(s, endpoint[dsmwire.WrapKeyRequest, dsmwire.WrapKeyResponse]{
		ID: "Wrap", Method: http.MethodPost, Path: "/crypto/v1/wrapkey", Tag: tagCrypto,
		Summary: "Wrap a key with another", Do: s.wrapKey,
	})
	register(s, endpoint[unwrapRequest, dsmwire.Sobject]{
		ID: "Unwrap", Method: http.MethodPost, Path: "/crypto/v1/unwrapkey", Tag: tagCrypto,
		Summary: "Make a key of a wrapped one", Status: http.StatusCreated, Do: s.unwrapKey,
	})
}

// unwrapRequest is a request with the export policy of the key that it makes.
type unwrapRequest struct {
	dsmwire.UnwrapKeyRequest

	KCVMethod    string                `json:"kcv_method,omitempty"`
	ExportPolicy *dsmwire.ExportPolicy `json:"export_policy,omitempty"`
}

func (s *server) wrapKey(ctx context.Context, c *call[dsmwire.WrapKeyRequest]) (dsmwire.WrapKeyResponse, error) {
	var none dsmwire.WrapKeyResponse
	r := &c.Body
	with, err := descriptor(r.Key)
	if err != nil {
		return none, err
	}
	subject, err := wrapped(r)
	if err != nil {
		return none, err
	}
	if r.Alg == "" {
		return none, missing("alg")
	}
	res, err := s.Keyring.Wrap(ctx, c.Caller, with, subject, func(k keys.Key) (operations.Wrap, error) {
		var w operations.Wrap
		err := checkAlg(r.Alg, k)
		if err != nil {
			return w, err
		}
		if w.Format, err = operations.ParseFormat(r.KeyFormat); err != nil {
			return w, err
		}
		if w.Mode, w.Hash, err = cryptMode(r.Mode, k); err != nil {
			return w, err
		}
		w.IV, w.AD = r.IV, r.AD
		w.TagBits, err = tagBits(w.Mode, r.TagLen)
		return w, err
	})
	if err != nil {
		return none, err
	}
	return dsmwire.WrapKeyResponse{WrappedKey: present(res.Output), IV: res.IV, Tag: res.Tag}, nil
}

// wrapped reads which key is to be wrapped, which old clients name by kid alone.
func wrapped(r *dsmwire.WrapKeyRequest) (keyring.Descriptor, error) {
	switch {
	case r.Subject != nil && r.KID != "":
		return keyring.Descriptor{}, fault.New(fault.Invalid, "exactly one of subject and kid is required")
	case r.Subject != nil:
		return descriptor(r.Subject)
	case r.KID != "":
		kid, err := parseID[id.Key](r.KID, "kid")
		return keyring.Descriptor{ID: kid}, err
	default:
		return keyring.Descriptor{}, missing("subject")
	}
}

// tagBits reads tag_len, which means nothing but in GCM and CCM.
func tagBits(m operations.Mode, given *int) (int, error) {
	if m != operations.GCM && m != operations.CCM {
		return 0, nil
	}
	if given == nil {
		return maxTagBits, nil
	}
	if *given <= 0 || *given > maxTagBits {
		return 0, fault.New(fault.Invalid, "tag_len is not possible in this mode")
	}
	return *given, nil
}

func (s *server) unwrapKey(ctx context.Context, c *call[unwrapRequest]) (dsmwire.Sobject, error) {
	var none dsmwire.Sobject
	r := &c.Body
	with, err := descriptor(r.Key)
	if err != nil {
		return none, err
	}
	if r.Alg == "" {
		return none, missing("alg")
	}
	if r.ObjType == "" {
		return none, missing("obj_type")
	}
	if r.WrappedKey == nil {
		return none, missing("wrapped_key")
	}
	order, err := newOrder(sobjectRequest{SobjectRequest: dsmwire.SobjectRequest{
		Name: r.Name, GroupID: r.GroupID, ObjType: r.ObjType, RSA: r.RSA, Description: r.Description, Enabled: r.Enabled,
		CustomMetadata: r.CustomMetadata, KeyOps: r.KeyOps, Transient: r.Transient,
		ExportPolicy: r.ExportPolicy,
	}})
	if err != nil {
		return none, err
	}
	if order.KCV, err = expectedKCV(r.KCV, r.KCVMethod); err != nil {
		return none, err
	}
	p, err := s.Keyring.Make(ctx, c.Caller, with, order, func(k, _ keys.Key) (operations.Operation, error) {
		if err := checkAlg(r.Alg, k); err != nil {
			return nil, err
		}
		mode, hash, err := cryptMode(r.Mode, k)
		return operations.Unwrap{Mode: mode, Hash: hash, Wrapped: r.WrappedKey, IV: r.IV, AD: r.AD, Tag: r.Tag}, err
	})
	if err != nil {
		return none, err
	}
	return product(p), nil
}

// newOrder reads what a key that is made with another is to be.
func newOrder(r sobjectRequest) (keyring.Order, error) {
	gid, spec, err := newKeySpec(&r)
	return keyring.Order{Group: gid, Spec: spec, Transient: isSet(r.Transient)}, err
}

// product is the reply of what made a key with another.
func product(p keyring.Product) dsmwire.Sobject {
	o := sobject(p.Key, everything)
	if !p.Transient.Empty() {
		o.TransientKey = dsmwire.NewSecretBytes(p.Transient)
	}
	return o
}
