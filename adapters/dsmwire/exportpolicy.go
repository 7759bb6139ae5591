package dsmwire

// ExportPolicy is SobjectExportPolicy of the API: a value that may leave leaves
// in any way, or only under other keys.
type ExportPolicy struct {
	Type           string        `json:"$type,omitempty"` // Unrestricted or Wrapped
	By             *WrappingKeys `json:"by,omitempty"`    // Wrapped
	AllowWeakening *bool         `json:"allow_weakening,omitempty"`
}

// WrappingKeys are the keys under which a value may leave.
type WrappingKeys struct {
	Type string         `json:"$type"`         // Any or Only
	Keys []PersistedKey `json:"keys,omitzero"` // Only
}

// PersistedKey names a stored key in one of two ways.
type PersistedKey struct {
	KID  string `json:"kid,omitempty"`
	Name string `json:"name,omitempty"`
}

// The types of export policies and of the keys that they name.
const (
	Unrestricted = "Unrestricted"
	Wrapped      = "Wrapped"
	AnyKey       = "Any"
	OnlyKeys     = "Only"
)
