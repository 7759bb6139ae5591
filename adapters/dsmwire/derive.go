package dsmwire

// DeriveKeyRequest asks to make a key from another.
type DeriveKeyRequest struct {
	Key            *SobjectDescriptor `json:"key,omitempty"` // absent on the legacy per-key path
	Mechanism      DeriveKeyMechanism `json:"mechanism"`
	KeyType        string             `json:"key_type"`
	KeySize        *uint32            `json:"key_size,omitempty"` // bits
	EllipticCurve  string             `json:"elliptic_curve,omitempty"`
	Name           *string            `json:"name,omitempty"`
	GroupID        *string            `json:"group_id,omitempty"`
	Description    *string            `json:"description,omitempty"`
	Enabled        *bool              `json:"enabled,omitempty"`
	KeyOps         *[]string          `json:"key_ops,omitempty"`
	CustomMetadata *map[string]string `json:"custom_metadata,omitempty"`
	Transient      *bool              `json:"transient,omitempty"`
	State          string             `json:"state,omitempty"`

	ActivationDate   *Time `json:"activation_date,omitempty"`
	DeactivationDate *Time `json:"deactivation_date,omitempty"`
}

// DeriveKeyMechanism tells how: exactly one field is set.
type DeriveKeyMechanism struct {
	EncryptData *EncryptRequest `json:"encrypt_data,omitempty"` // the ciphertext becomes the key
	HKDF        *DeriveKeyHKDF  `json:"hkdf,omitempty"`
}

// DeriveKeyHKDF are the parameters of HKDF (RFC 5869).
type DeriveKeyHKDF struct {
	HashAlg string `json:"hash_alg"`
	Info    []byte `json:"info,omitempty"`
	Salt    []byte `json:"salt,omitempty"`
}

// DiffieHellman is the only mechanism of an AgreeKeyRequest.
const DiffieHellman = "diffie_hellman"

// AgreeKeyRequest asks to make a key from a private and a public one.
type AgreeKeyRequest struct {
	PrivateKey     SobjectDescriptor  `json:"private_key"`
	PublicKey      SobjectDescriptor  `json:"public_key"`
	Mechanism      string             `json:"mechanism"` // diffie_hellman
	KeyType        string             `json:"key_type"`
	KeySize        *uint32            `json:"key_size,omitempty"` // bits
	Name           *string            `json:"name,omitempty"`
	GroupID        *string            `json:"group_id,omitempty"`
	Description    *string            `json:"description,omitempty"`
	Enabled        *bool              `json:"enabled,omitempty"`
	KeyOps         *[]string          `json:"key_ops,omitempty"`
	CustomMetadata *map[string]string `json:"custom_metadata,omitempty"`
	Transient      *bool              `json:"transient,omitempty"`
	State          string             `json:"state,omitempty"`

	ActivationDate   *Time `json:"activation_date,omitempty"`
	DeactivationDate *Time `json:"deactivation_date,omitempty"`
}
