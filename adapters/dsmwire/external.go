package dsmwire

import (
	"encoding/json"

	"gatehouse/core/id"
)

// ExternalID is the identity of the key that a virtual key stands for, an
// untagged union: CKA_ID and CKA_LABEL of a key in a PKCS#11 token ({id, label}
// in base64), or the id of a key of another service ({id}, a UUID). Identities
// of other kinds are read as neither.
type ExternalID struct {
	ID    []byte // CKA_ID
	Label []byte // CKA_LABEL
	KID   string // when not empty, the id in another service
}

// remoteID and tokenID are the variants.
type (
	remoteID struct {
		ID string `json:"id"`
	}
	tokenID struct {
		ID    []byte `json:"id"`
		Label []byte `json:"label"`
	}
)

// MarshalJSON writes the union. Of a key in a token both fields are always
// written, because clients tell the variants apart by the fields that are there.
func (e ExternalID) MarshalJSON() ([]byte, error) {
	if e.KID != "" {
		return json.Marshal(remoteID{e.KID})
	}
	return json.Marshal(tokenID{e.ID, e.Label})
}

// UnmarshalJSON reads the union.
func (e *ExternalID) UnmarshalJSON(b []byte) error {
	*e = ExternalID{}
	var r remoteID
	if json.Unmarshal(b, &r) == nil && id.Valid(r.ID) {
		e.KID = r.ID
		return nil
	}
	var t tokenID
	if json.Unmarshal(b, &t) == nil {
		e.ID, e.Label = t.ID, t.Label
	}
	return nil
}
