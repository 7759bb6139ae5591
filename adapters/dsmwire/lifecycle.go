package dsmwire

// SobjectRekeyRequest asks for a new key in the place of the one of its name.
type SobjectRekeyRequest struct {
	SobjectRequest

	DeactivateRotatedKey *bool `json:"deactivate_rotated_key,omitempty"`
}

// CopySobjectRequest asks for a copy of Key with other properties.
type CopySobjectRequest struct {
	SobjectRequest

	Key SobjectDescriptor `json:"key"`
}

// SobjectReplaceRequest puts an existing key in the place of another.
type SobjectReplaceRequest struct {
	Replaced        SobjectDescriptor `json:"replaced"`
	ReplacedNewName string            `json:"replaced_new_name"`
	Replacement     SobjectDescriptor `json:"replacement"`
}

// RevertRequest asks to undo changes of a key.
type RevertRequest struct {
	IDs []string `json:"ids"` // of its history
}

// PersistTransientKeyRequest asks for a stored key of a transient one.
type PersistTransientKeyRequest struct {
	TransientKey   SecretBytes        `json:"transient_key"`
	Name           string             `json:"name"`
	Description    *string            `json:"description,omitempty"`
	GroupID        *string            `json:"group_id,omitempty"`
	Enabled        *bool              `json:"enabled,omitempty"`
	CustomMetadata *map[string]string `json:"custom_metadata,omitempty"`
	State          string             `json:"state,omitempty"`

	ActivationDate   *Time `json:"activation_date,omitempty"`
	DeactivationDate *Time `json:"deactivation_date,omitempty"`
}
