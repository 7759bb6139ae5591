package dsmwire

// EncryptInitRequest begins an encryption in parts.
type EncryptInitRequest struct {
	Key  *SobjectDescriptor `json:"key,omitempty"`
	Alg  string             `json:"alg"`
	Mode *Mode              `json:"mode,omitempty"`
	IV   []byte             `json:"iv,omitempty"`
	AD   []byte             `json:"ad,omitempty"`
}

// EncryptInitResponse holds the state that the next part goes on from; it is
// opaque to callers.
type EncryptInitResponse struct {
	KID   string `json:"kid,omitempty"`
	IV    []byte `json:"iv,omitempty"`
	State []byte `json:"state"`
}

// EncryptUpdateRequest encrypts the next part.
type EncryptUpdateRequest struct {
	Key   *SobjectDescriptor `json:"key,omitempty"`
	Plain []byte             `json:"plain"`
	State []byte             `json:"state"`
}

// EncryptUpdateResponse is what can be told of the ciphertext so far.
type EncryptUpdateResponse struct {
	Cipher []byte `json:"cipher"`
	State  []byte `json:"state"`
}

// EncryptFinalRequest ends an encryption in parts.
type EncryptFinalRequest struct {
	Key    *SobjectDescriptor `json:"key,omitempty"`
	State  []byte             `json:"state"`
	TagLen *int               `json:"tag_len,omitempty"` // bits
}

// EncryptFinalResponse is the rest of the ciphertext.
type EncryptFinalResponse struct {
	Cipher []byte `json:"cipher"`
	Tag    []byte `json:"tag,omitempty"`
}

// DecryptInitRequest begins a decryption in parts.
type DecryptInitRequest struct {
	Key  *SobjectDescriptor `json:"key,omitempty"`
	Alg  string             `json:"alg,omitempty"`
	Mode *Mode              `json:"mode,omitempty"`
	IV   []byte             `json:"iv,omitempty"`
	AD   []byte             `json:"ad,omitempty"`
}

// DecryptInitResponse holds the state that the next part goes on from.
type DecryptInitResponse struct {
	KID   string `json:"kid,omitempty"`
	State []byte `json:"state"`
}

// DecryptUpdateRequest decrypts the next part.
type DecryptUpdateRequest struct {
	Key    *SobjectDescriptor `json:"key,omitempty"`
	Cipher []byte             `json:"cipher"`
	State  []byte             `json:"state"`
}

// DecryptUpdateResponse is what can be told of the plaintext so far.
type DecryptUpdateResponse struct {
	Plain []byte `json:"plain"`
	State []byte `json:"state"`
}

// DecryptFinalRequest ends a decryption in parts.
type DecryptFinalRequest struct {
	Key   *SobjectDescriptor `json:"key,omitempty"`
	State []byte             `json:"state"`
	Tag   []byte             `json:"tag,omitempty"`
}

// DecryptFinalResponse is the rest of the plaintext.
type DecryptFinalResponse struct {
	Plain []byte `json:"plain"`
}
