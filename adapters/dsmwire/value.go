package dsmwire

// VerifyKCVRequest asks whether KCV is the key check value of Value.
type VerifyKCVRequest struct {
	KCV     string      `json:"kcv"` // hex in any case
	Value   SecretBytes `json:"value"`
	ObjType string      `json:"obj_type"`
	Method  string      `json:"kcv_method,omitempty"` // Encrypt (default) or Cmac
}

// VerifyKCVResponse tells whether it is.
type VerifyKCVResponse struct {
	Verified bool `json:"verified"`
}

// ObjectDigestRequest asks for the digest of an exportable key's value.
type ObjectDigestRequest struct {
	Key *SobjectDescriptor `json:"key,omitempty"`
	Alg string             `json:"alg"`
}

// ObjectDigestResponse is that digest.
type ObjectDigestResponse struct {
	KID    string `json:"kid,omitempty"`
	Digest []byte `json:"digest"`
}
