package dsmwire

// EncapsulateKeyRequest asks to make a key, and the ciphertext of which who has
// Key's private half makes it too.
type EncapsulateKeyRequest struct {
	Key       *SobjectDescriptor `json:"key,omitempty"`
	KeyType   string             `json:"key_type"`
	KeySize   *uint32            `json:"key_size,omitempty"` // bits
	Name      *string            `json:"name,omitempty"`
	GroupID   *string            `json:"group_id,omitempty"`
	KeyOps    *[]string          `json:"key_ops,omitempty"`
	Transient *bool              `json:"transient,omitempty"`
}

// EncapsulateKeyResponse is the key and that ciphertext.
type EncapsulateKeyResponse struct {
	Key        Sobject `json:"key"`
	Ciphertext []byte  `json:"ciphertext"`
}

// DecapsulateKeyRequest asks to make the key that was encapsulated.
type DecapsulateKeyRequest struct {
	Key        *SobjectDescriptor `json:"key,omitempty"`
	Ciphertext []byte             `json:"ciphertext"`
	KeyType    string             `json:"key_type"`
	KeySize    *uint32            `json:"key_size,omitempty"` // bits
	Name       *string            `json:"name,omitempty"`
	GroupID    *string            `json:"group_id,omitempty"`
	KeyOps     *[]string          `json:"key_ops,omitempty"`
	Transient  *bool              `json:"transient,omitempty"`
}
