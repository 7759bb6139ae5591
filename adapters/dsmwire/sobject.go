package dsmwire

// Sobject is a security object, as the API shows it.
type Sobject struct {
	KID         string `json:"kid,omitempty"` // absent for transient keys
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	AcctID      string `json:"acct_id"`
	GroupID     string `json:"group_id,omitempty"`

	ObjType       string   `json:"obj_type"`
	KeySize       *uint32  `json:"key_size,omitempty"` // bits
	EllipticCurve string   `json:"elliptic_curve,omitempty"`
	KeyOps        []string `json:"key_ops"`
	State         string   `json:"state,omitempty"`
	Enabled       bool     `json:"enabled"`
	Origin        string   `json:"origin"`
	PublicOnly    bool     `json:"public_only"`

	Creator          Principal         `json:"creator"`
	CreatedAt        Time              `json:"created_at"`
	ActivationDate   Time              `json:"activation_date,omitzero"`
	DeactivationDate Time              `json:"deactivation_date,omitzero"`
	CompromiseDate   Time              `json:"compromise_date,omitzero"`
	DestructionDate  Time              `json:"destruction_date,omitzero"`
	DeletionDate     Time              `json:"deletion_date,omitzero"`
	RevocationReason *RevocationReason `json:"revocation_reason,omitempty"`

	RotationPolicy    *RotationPolicy `json:"rotation_policy,omitempty"`
	ScheduledRotation Time            `json:"scheduled_rotation,omitzero"`
	History           []HistoryItem   `json:"history,omitempty"`

	Value        SecretBytes `json:"value,omitzero"`         // export only
	PubKey       []byte      `json:"pub_key,omitempty"`      // DER SubjectPublicKeyInfo
	TransientKey SecretBytes `json:"transient_key,omitzero"` // transient keys
	KCV          string      `json:"kcv,omitempty"`          // six hex digits
	KCVCMAC      string      `json:"kcv_cmac,omitempty"`

	RSA            *RSAOptions       `json:"rsa,omitempty"`
	AES            *CipherOptions    `json:"aes,omitempty"`
	DES3           *CipherOptions    `json:"des3,omitempty"`
	MLDSA          *ParamSetOptions  `json:"mldsa,omitempty"`
	MLKEM          *ParamSetOptions  `json:"mlkem,omitempty"`
	ExportPolicy   *ExportPolicy     `json:"export_policy,omitempty"`
	CustomMetadata map[string]string `json:"custom_metadata,omitempty"`
	Links          *KeyLinks         `json:"links,omitempty"`
	External       *External         `json:"external,omitempty"` // virtual keys

	// Gatehouse's own: what an administrator of a virtual key wants to know
	// and the API has no field for.
	Gatehouse *VirtualKeyState `json:"gatehouse,omitempty"`
}

// VirtualKeyState tells how a virtual key and the key in its HSM relate.
type VirtualKeyState struct {
	Own          bool `json:"own"`                    // made through this group, not found by a sync
	Ambiguous    bool `json:"ambiguous,omitempty"`    // the HSM holds several keys that cannot be told apart
	MissingSince Time `json:"missing_since,omitzero"` // not in the HSM since that sync
}

// External marks a virtual key and points to the key that it stands for.
type External struct {
	ID         ExternalID `json:"id"`
	HSMGroupID string     `json:"hsm_group_id"`
}

// RevocationReason tells why a key was revoked.
type RevocationReason struct {
	Code         string `json:"code"`
	Message      string `json:"message,omitempty"`
	CompromiseAt Time   `json:"compromise_occurance_date,omitzero"` // spelled so on the wire
}

// KeyLinks are a key's relations to other keys.
type KeyLinks struct {
	Replacement string   `json:"replacement,omitempty"`
	Replaced    string   `json:"replaced,omitempty"`
	CopiedFrom  string   `json:"copiedFrom,omitempty"`
	CopiedTo    []string `json:"copiedTo,omitempty"`
	Subkeys     []string `json:"subkeys,omitempty"`
	Parent      string   `json:"parent,omitempty"`
	WrappingKey string   `json:"wrappingKey,omitempty"`
}

// RSAOptions is what is particular to RSA keys.
type RSAOptions struct {
	KeySize          *uint32     `json:"key_size,omitempty"`
	PublicExponent   *uint32     `json:"public_exponent,omitempty"` // at creation only
	EncryptionPolicy RSAPolicies `json:"encryption_policy,omitzero"`
	SignaturePolicy  RSAPolicies `json:"signature_policy,omitzero"`
}

// CipherOptions is what is particular to AES and DES3 keys.
type CipherOptions struct {
	CipherMode string `json:"cipher_mode,omitempty"` // the one mode that the key is for
	RandomIV   *bool  `json:"random_iv,omitempty"`   // no initialisation vector is given to it
}

// ParamSetOptions is what is particular to ML-DSA and ML-KEM keys.
type ParamSetOptions struct {
	ParamSet string `json:"param_set,omitempty"`
}

// SobjectRequest asks for a new key or for a change of one.
type SobjectRequest struct {
	Name             *string            `json:"name,omitempty"`
	Description      *string            `json:"description,omitempty"`
	GroupID          *string            `json:"group_id,omitempty"`
	ObjType          string             `json:"obj_type,omitempty"`
	KeySize          *uint32            `json:"key_size,omitempty"`
	EllipticCurve    string             `json:"elliptic_curve,omitempty"`
	PubExponent      *uint32            `json:"pub_exponent,omitempty"`
	KeyOps           *[]string          `json:"key_ops,omitempty"`
	Enabled          *bool              `json:"enabled,omitempty"`
	State            string             `json:"state,omitempty"`
	ActivationDate   *Time              `json:"activation_date,omitempty"`
	DeactivationDate *Time              `json:"deactivation_date,omitempty"`
	Value            SecretBytes        `json:"value,omitzero"`
	KCV              string             `json:"kcv,omitempty"`
	RSA              *RSAOptions        `json:"rsa,omitempty"`
	AES              *CipherOptions     `json:"aes,omitempty"`
	DES3             *CipherOptions     `json:"des3,omitempty"`
	MLDSA            *ParamSetOptions   `json:"mldsa,omitempty"`
	MLKEM            *ParamSetOptions   `json:"mlkem,omitempty"`
	ExportPolicy     *ExportPolicy      `json:"export_policy,omitempty"`
	CustomMetadata   *map[string]string `json:"custom_metadata,omitempty"`

	RotationPolicy Removable[RotationPolicy] `json:"rotation_policy,omitzero"`

	Transient *bool `json:"transient,omitempty"`
}

// SobjectDescriptor names a key: exactly one field is set.
type SobjectDescriptor struct {
	KID          string            `json:"kid,omitempty"`
	Name         string            `json:"name,omitempty"`
	TransientKey SecretBytes       `json:"transient_key,omitzero"`
	Inline       *InlineDescriptor `json:"inline,omitempty"`
}

// InlineDescriptor is a key that travels with the request.
type InlineDescriptor struct {
	Value   SecretBytes `json:"value"`
	ObjType string      `json:"obj_type"`
}

// SobjectPage is a list of keys with its counts (with_metadata=true).
type SobjectPage struct {
	Metadata PageMetadata `json:"metadata"`
	Items    []Sobject    `json:"items"`
}

// PageMetadata counts what a list was taken from.
type PageMetadata struct {
	TotalCount    *int `json:"total_count,omitempty"`
	FilteredCount *int `json:"filtered_count,omitempty"`
}

// KCVRequest asks for a key check value.
type KCVRequest struct {
	SobjectDescriptor
	Method string `json:"kcv_method,omitempty"` // Encrypt (default) or Cmac
}

// KCVResponse is a key check value in upper-case hex.
type KCVResponse struct {
	KID string `json:"kid,omitempty"`
	KCV string `json:"kcv"`
}
