package dsmwire

// KeyDetail is a key as an administrator looks at it (GET
// /gatehouse/v1/keys/{kid}): with the names of what it refers to, and in the
// words of the interfaces that applications know it by.
type KeyDetail struct {
	Key        Sobject       `json:"key"`
	Group      KeyGroup      `json:"group"`
	CreatedBy  KeyCreator    `json:"created_by"`
	Attributes KeyAttributes `json:"attributes"`
}

// KeyGroup is the group of a key.
type KeyGroup struct {
	GroupID string `json:"group_id"`
	Name    string `json:"name"`
	HSM     bool   `json:"hsm"`             // its keys live in an HSM
	Kind    string `json:"kind,omitempty"`  // of the HSM
	State   string `json:"state,omitempty"` // of its connections: Connected when one works
}

// KeyCreator is who made a key: a user, an app, the group whose sync found it,
// or the system.
type KeyCreator struct {
	Kind string `json:"kind"` // user, app, group, system
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"` // where the caller may know it
}

// KeyAttributes are a key's attributes by their names. Truth is "true" or
// "false", bytes are base64, constants are written as their standard names them.
type KeyAttributes struct {
	PKCS11 map[string]string `json:"pkcs11"` // CKA_ID, CKA_LABEL, CKA_KEY_TYPE …
	CNG    map[string]string `json:"cng"`    // the properties of ncrypt.h, and custom_metadata below "cng."
	Custom map[string]string `json:"custom"` // custom_metadata
}
