package dsmwire

// EncryptRequest asks to encrypt with a key.
type EncryptRequest struct {
	Key    *SobjectDescriptor `json:"key,omitempty"` // absent on the legacy per-key path
	Alg    string             `json:"alg"`
	Plain  []byte             `json:"plain"`
	Mode   *Mode              `json:"mode,omitempty"`
	IV     []byte             `json:"iv,omitempty"`
	AD     []byte             `json:"ad,omitempty"`
	TagLen *int               `json:"tag_len,omitempty"` // bits
	Label  []byte             `json:"label,omitempty"`
}

// EncryptResponse is a ciphertext.
type EncryptResponse struct {
	KID    string `json:"kid,omitempty"`
	Cipher []byte `json:"cipher"`
	IV     []byte `json:"iv,omitempty"`
	Tag    []byte `json:"tag,omitempty"`
}

// DecryptRequest asks to decrypt with a key.
type DecryptRequest struct {
	Key    *SobjectDescriptor `json:"key,omitempty"`
	Alg    string             `json:"alg,omitempty"`
	Cipher []byte             `json:"cipher"`
	Mode   *Mode              `json:"mode,omitempty"`
	IV     []byte             `json:"iv,omitempty"`
	AD     []byte             `json:"ad,omitempty"`
	Tag    []byte             `json:"tag,omitempty"`
	Masked *bool              `json:"masked,omitempty"`
	Label  []byte             `json:"label,omitempty"`
}

// DecryptResponse is a plaintext.
type DecryptResponse struct {
	KID   string `json:"kid,omitempty"`
	Plain []byte `json:"plain"`
}

// SignRequest asks to sign: exactly one of Hash and Data is not nil.
type SignRequest struct {
	Key           *SobjectDescriptor `json:"key,omitempty"`
	HashAlg       string             `json:"hash_alg,omitempty"`
	Hash          []byte             `json:"hash,omitzero"`
	Data          []byte             `json:"data,omitzero"`
	Mode          *Mode              `json:"mode,omitempty"`
	Deterministic *bool              `json:"deterministic_signature,omitempty"`
	Context       []byte             `json:"context,omitempty"`
}

// SignResponse is a signature.
type SignResponse struct {
	KID       string `json:"kid,omitempty"`
	Signature []byte `json:"signature"`
}

// VerifyRequest asks whether a signature is good: exactly one of Hash and Data is not nil.
type VerifyRequest struct {
	Key       *SobjectDescriptor `json:"key,omitempty"`
	HashAlg   string             `json:"hash_alg,omitempty"`
	Hash      []byte             `json:"hash,omitzero"`
	Data      []byte             `json:"data,omitzero"`
	Mode      *Mode              `json:"mode,omitempty"`
	Signature []byte             `json:"signature"`
	Context   []byte             `json:"context,omitempty"`
}

// VerifyResponse tells whether a signature or MAC is good.
type VerifyResponse struct {
	KID    string `json:"kid,omitempty"`
	Result bool   `json:"result"`
}

// MACRequest asks for a MAC.
type MACRequest struct {
	Key  *SobjectDescriptor `json:"key,omitempty"`
	Alg  string             `json:"alg,omitempty"`
	Data []byte             `json:"data"`
}

// MACResponse is a MAC.
type MACResponse struct {
	KID string `json:"kid,omitempty"`
	MAC []byte `json:"mac"`
}

// MACVerifyRequest asks whether a MAC is good.
type MACVerifyRequest struct {
	Key  *SobjectDescriptor `json:"key,omitempty"`
	Alg  string             `json:"alg,omitempty"`
	Data []byte             `json:"data"`
	MAC  []byte             `json:"mac,omitempty"`

	Digest []byte `json:"digest,omitempty"` // the old name of MAC, which old clients send
}

// DigestRequest asks for a digest.
type DigestRequest struct {
	Alg  string `json:"alg"`
	Data []byte `json:"data"`
}

// DigestResponse is a digest.
type DigestResponse struct {
	Digest []byte `json:"digest"`
}

// RandomRequest asks for random bytes (POST /gatehouse/v1/random).
type RandomRequest struct {
	Size int `json:"size"` // bytes
}

// RandomResponse is random bytes.
type RandomResponse struct {
	Random []byte `json:"random"`
}

// BatchItem is an item of a batch of encryptions or decryptions: the key
// beside the request. Batches of signatures and verifications are lists of the
// plain requests.
type BatchItem[R any] struct {
	KID     string `json:"kid"`
	Request R      `json:"request"`
}

// BatchResult is the answer to one item of a batch, in the items' order: a
// body, or an error text, beside the status that the call alone would have had.
type BatchResult[R any] struct {
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	Body   *R     `json:"body,omitempty"`
}
