package restapi

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
)

// values registers the calls about a key's value other than its export.
func (s *server) values() {
	register(s, endpoint[dsmwire.VerifyKCVRequest, dsmwire.VerifyKCVResponse]{
		ID: "VerifyKcv", Method: http.MethodPost, Path: "/crypto/v1/keys/kcv/verify", Tag: tagKeys,
		Summary: "Compare a key check value with the one of a given value", Do: s.verifyKCV,
	})
	register(s, endpoint[dsmwire.ObjectDigestRequest, dsmwire.ObjectDigestResponse]{
		ID: "DigestSobject", Method: http.MethodPost, Path: "/crypto/v1/keys/digest", Tag: tagKeys,
		Summary: "Make a digest of an exportable key's value", Do: s.digestKey,
	})
	register(s, endpoint[dsmwire.PersistTransientKeyRequest, dsmwire.Sobject]{
		ID: "PersistTransientKey", Method: http.MethodPost, Path: "/crypto/v1/keys/persist", Tag: tagKeys,
		Summary: "Store a transient key", Status: http.StatusCreated, Do: s.persistKey,
	})
}

// transient is the reply of what made a transient key.
func transient(k keys.Key, sealed secret.Value, err error) (dsmwire.Sobject, error) {
	if err != nil {
		return dsmwire.Sobject{}, err
	}
	o := sobject(k, everything)
	o.TransientKey = dsmwire.NewSecretBytes(sealed)
	return o, nil
}

func (s *server) persistKey(ctx context.Context, c *call[dsmwire.PersistTransientKeyRequest]) (dsmwire.Sobject, error) {
	var none dsmwire.Sobject
	if c.Body.TransientKey.Secret().Empty() {
		return none, missing("transient_key")
	}
	if state := keys.State(c.Body.State); state != "" && state != keys.Active {
		return none, fault.New(fault.Invalid, "state of a persisted sobject must be Active, or left out")
	}
	gid, err := optionalID[id.Group](c.Body.GroupID, "group_id")
	if err != nil {
		return none, err
	}
	spec := keys.Spec{
		Name: c.Body.Name, Enabled: c.Body.Enabled == nil || *c.Body.Enabled,
		ActivationDate: timeOf(c.Body.ActivationDate), Deactivation: timeOf(c.Body.DeactivationDate),
	}
	if spec.Description, err = described(c.Body.Description); err != nil {
		return none, err
	}
	if spec.Metadata, err = metadata(c.Body.CustomMetadata); err != nil {
		return none, err
	}
	k, err := s.Keyring.Persist(ctx, c.Caller, gid, spec, c.Body.TransientKey.Secret())
	if err != nil {
		return none, err
	}
	return sobject(k, everything), nil
}

func (s *server) digestKey(ctx context.Context, c *call[dsmwire.ObjectDigestRequest]) (dsmwire.ObjectDigestResponse, error) {
	var none dsmwire.ObjectDigestResponse
	d, err := descriptor(c.Body.Key)
	if err != nil {
		return none, err
	}
	if c.Body.Alg == "" {
		return none, missing("alg")
	}
	alg, err := operations.ParseHash(c.Body.Alg)
	if err != nil {
		return none, err
	}
	k, sum, err := s.Keyring.Digest(ctx, c.Caller, d, func(v secret.Value) []byte {
		return dsmwire.NewSecretBytes(v).Digest(newHash(alg))
	})
	if err != nil {
		return none, err
	}
	return dsmwire.ObjectDigestResponse{KID: string(k.ID), Digest: sum}, nil
}

func isSet(b *bool) bool { return b != nil && *b }
