package dsmwire

// TokenInfo is what the token behind a connection says of itself (POST
// /gatehouse/v1/groups/{id}/connections/check).
type TokenInfo struct {
	Slot         uint64 `json:"slot"`
	Label        string `json:"label"`
	Serial       string `json:"serial"`
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Firmware     string `json:"firmware,omitempty"`
	Library      string `json:"library,omitempty"` // description and version of the PKCS#11 library
}
