package dsmwire

// WrapKeyRequest asks to wrap Subject, or the key that the legacy KID names,
// with Key.
type WrapKeyRequest struct {
	Key       *SobjectDescriptor `json:"key,omitempty"`
	Subject   *SobjectDescriptor `json:"subject,omitempty"`
	KID       string             `json:"kid,omitempty"`
	Alg       string             `json:"alg"` // of the wrapping key
	Mode      *Mode              `json:"mode,omitempty"`
	IV        []byte             `json:"iv,omitempty"`
	AD        []byte             `json:"ad,omitempty"`
	TagLen    *int               `json:"tag_len,omitempty"`    // bits
	KeyFormat string             `json:"key_format,omitempty"` // Default or Pkcs8
}

// WrapKeyResponse is a wrapped key.
type WrapKeyResponse struct {
	WrappedKey []byte `json:"wrapped_key"`
	IV         []byte `json:"iv,omitempty"`
	Tag        []byte `json:"tag,omitempty"`
}

// UnwrapKeyRequest asks to make a key of a wrapped one.
type UnwrapKeyRequest struct {
	Key            *SobjectDescriptor `json:"key,omitempty"`
	Alg            string             `json:"alg"` // of the wrapping key
	ObjType        string             `json:"obj_type"`
	WrappedKey     []byte             `json:"wrapped_key"`
	Mode           *Mode              `json:"mode,omitempty"`
	IV             []byte             `json:"iv,omitempty"`
	AD             []byte             `json:"ad,omitempty"`
	Tag            []byte             `json:"tag,omitempty"`
	Name           *string            `json:"name,omitempty"`
	GroupID        *string            `json:"group_id,omitempty"`
	Description    *string            `json:"description,omitempty"`
	Enabled        *bool              `json:"enabled,omitempty"`
	KeyOps         *[]string          `json:"key_ops,omitempty"`
	CustomMetadata *map[string]string `json:"custom_metadata,omitempty"`
	Transient      *bool              `json:"transient,omitempty"`
	KCV            string             `json:"kcv,omitempty"`
	RSA            *RSAOptions        `json:"rsa,omitempty"`
}
