package dsmwire

import "strings"

// HmgConfig is a connection of an HSM group, tagged by its kind. Only the
// fields of HSMs behind a gateway and of other services are here; of the latter
// PIN is the API key of an app. PIN and client key are write-only.
type HmgConfig struct {
	Kind     string     `json:"kind"`
	URL      string     `json:"url,omitempty"` // host:port of the gateway or the other service
	TLS      *TLSConfig `json:"tls,omitempty"`
	Slot     *uint64    `json:"slot,omitempty"`
	PIN      SecretText `json:"pin,omitzero"`
	HSMOrder *int32     `json:"hsm_order,omitempty"`
}

// kinds are the spellings of the API, and Gatehouse's own kind for SoftHSM.
var kinds = [...]string{
	"Ncipher", "Safenet", "AwsCloudHsm", "Softhsm",
	"AwsKms", "Fortanix", "FortanixFipsCluster", "AzureKeyVault", "GcpKeyRing", "OciVault",
}

// CanonicalKind returns the API's spelling of a kind, which some clients send
// in upper case; what nobody knows comes back as it is.
func CanonicalKind(kind string) string {
	for _, k := range kinds {
		if strings.EqualFold(k, kind) {
			return k
		}
	}
	return kind
}

// TLSConfig tells how a connection is secured, tagged by its mode: disabled,
// opportunistic, or required, which alone has the other fields.
type TLSConfig struct {
	Mode             string      `json:"mode"`
	ValidateHostname *bool       `json:"validate_hostname,omitempty"`
	CA               *CAConfig   `json:"ca,omitempty"`
	ClientKey        SecretBytes `json:"client_key,omitzero"` // write-only
	ClientCert       []byte      `json:"client_cert,omitempty"`
}

// CAConfig tells which CAs are trusted: a named set, or certificates.
type CAConfig struct {
	CASet  string   `json:"ca_set,omitempty"` // global_roots
	Pinned [][]byte `json:"pinned,omitempty"` // DER certificates
}

// GlobalRoots is the CA set of the system's roots.
const GlobalRoots = "global_roots"

// CheckHmgRequest asks to test a connection of a group: a saved one, a saved
// one with changes, or a new one.
type CheckHmgRequest struct {
	ID     string     `json:"id,omitempty"`
	Config *HmgConfig `json:"config,omitempty"`
}

// ScanRequest asks for a sync of a group's keys.
type ScanRequest struct{}

// Scan is a sync that runs, or has run.
type Scan struct {
	ScanID     string        `json:"scan_id"`
	IsAsync    bool          `json:"is_async"`
	StartedAt  Time          `json:"started_at"`
	FinishedAt Time          `json:"finished_at,omitzero"`
	Result     *ScanResult   `json:"scan_result,omitempty"`
	Warnings   []ScanWarning `json:"warnings,omitempty"`
}

// ScanResult tells how a scan ended.
type ScanResult struct {
	Type    string  `json:"$type"`             // Success or Failed
	Message *string `json:"message,omitempty"` // of Failed
}

// ScanPage holds the scans of a group, the newest first.
type ScanPage struct {
	Items []Scan `json:"items"`
}

// ScanState is a scan with what Gatehouse alone tells of it
// (GET /gatehouse/v1/groups/{id}/scans).
type ScanState struct {
	Scan
	State    string        `json:"state"` // Running, Success, Failed or Cancelled
	Starter  Principal     `json:"starter"`
	Progress *SyncProgress `json:"progress,omitempty"` // while it runs
	Counts   *ScanCounts   `json:"counts,omitempty"`   // once it has ended
}

// ScanStates holds scans of a group with their states, the newest first.
type ScanStates struct {
	Items []ScanState `json:"items"`
}

// ScanCounts is what a scan has found and recorded.
type ScanCounts struct {
	Objects   int `json:"objects"`
	Added     int `json:"added"`
	Changed   int `json:"changed"` // those that came back among them
	Back      int `json:"back"`
	Missing   int `json:"missing"` // those in conflict among them
	Conflicts int `json:"conflicts"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
}

// SyncPlan is what a sync would do (GET or POST /gatehouse/v1/groups/{id}/sync-plan).
type SyncPlan struct {
	Objects    int             `json:"objects"`
	Unchanged  int             `json:"unchanged"`
	Skipped    int             `json:"skipped"`
	Added      []PlannedKey    `json:"added"`
	Changed    []PlannedChange `json:"changed"`
	Missing    []PlannedKey    `json:"missing"`
	InConflict []PlannedKey    `json:"in_conflict"`
	Warnings   []ScanWarning   `json:"warnings,omitempty"`
}

// PlannedKey is a key that a sync would add, or one that it would mark missing.
type PlannedKey struct {
	KID         string   `json:"kid,omitempty"` // of a key that is known already
	Name        string   `json:"name"`
	ObjType     string   `json:"obj_type"`
	KeySize     int      `json:"key_size,omitempty"`
	Curve       string   `json:"elliptic_curve,omitempty"`
	KeyOps      []string `json:"key_ops"`
	PublicOnly  bool     `json:"public_only,omitempty"`
	SourceKeyID string   `json:"source_key_id"` // CKA_ID in hex
	Label       string   `json:"label"`         // CKA_LABEL
	Message     string   `json:"message,omitempty"`
}

// PlannedChange is a known key that would be found elsewhere, or again.
type PlannedChange struct {
	PlannedKey
	NewSourceKeyID string `json:"new_source_key_id"`
	NewLabel       string `json:"new_label"`
	Back           bool   `json:"back"`
}

// ScanWarning is something odd that a scan met.
type ScanWarning struct {
	SourceKeyID  string `json:"source_key_id,omitempty"`
	VirtualKeyID string `json:"virtual_key_id,omitempty"`
	Message      string `json:"message"`
}

// SyncEvent is one line of a sync told as it goes (application/x-ndjson):
// progress, and at last either the outcome or the error.
type SyncEvent struct {
	Progress *SyncProgress `json:"progress,omitempty"`
	Outcome  *SyncOutcome  `json:"outcome,omitempty"`
	Error    *SyncError    `json:"error,omitempty"`
}

// SyncProgress tells how far a sync is.
type SyncProgress struct {
	Phase string `json:"phase"` // reading, then recording
	Done  int    `json:"done"`
	Total int    `json:"total,omitempty"` // absent while it is not known
}

// SyncOutcome is what a sync has found and recorded.
type SyncOutcome struct {
	Objects   int           `json:"objects"`
	Added     []Sobject     `json:"added"`
	Changed   int           `json:"changed"`
	Missing   int           `json:"missing"`
	Unchanged int           `json:"unchanged"`
	Skipped   int           `json:"skipped"`
	Back      int           `json:"back,omitempty"`
	Conflicts int           `json:"conflicts,omitempty"`
	Warnings  []ScanWarning `json:"warnings,omitempty"`
}

// SyncError tells why a sync ended without an outcome, in the words and with
// the status that the plain call would have answered with.
type SyncError struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// ConnectionStatus is the state of one connection of a group, as it is known
// (GET /gatehouse/v1/groups/{id}/connections).
type ConnectionStatus struct {
	ID     string    `json:"id"`
	Config HmgConfig `json:"config"`
	ConnectionState
	Different []DifferentKey `json:"different_keys,omitempty"` // the first of those that differ
}

// DifferentKey is a key that the token behind a connection does not hold as the
// others do.
type DifferentKey struct {
	SourceKeyID string `json:"source_key_id"` // CKA_ID in hex
	Label       string `json:"label,omitempty"`
	Difference  string `json:"difference"` // missing, or another key
}

// ConnectionState tells whether a connection works.
type ConnectionState struct {
	State      string `json:"state"` // Connected, Not Connected, or Not Checked Yet
	Connected  bool   `json:"connected"`
	Reason     string `json:"reason,omitempty"`     // why not, in one of few fixed wordings where one fits
	Message    string `json:"message,omitempty"`    // why not, for people
	Since      Time   `json:"since,omitzero"`       // since when it is in this state
	Checked    Time   `json:"checked,omitzero"`     // when that was last seen
	Difference string `json:"difference,omitempty"` // how its keys differ from those of the group's other connections
}
