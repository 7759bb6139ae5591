package dsmwire

// Group is a group of keys, as the API shows it.
type Group struct {
	GroupID              string               `json:"group_id"`
	AcctID               string               `json:"acct_id"`
	Name                 string               `json:"name"`
	Description          string               `json:"description,omitempty"`
	CreatedAt            Time                 `json:"created_at"`
	Creator              Principal            `json:"creator"`
	ClientConfigurations Object               `json:"client_configurations"`
	CustomMetadata       map[string]string    `json:"custom_metadata,omitempty"`
	Hmg                  map[string]HmgConfig `json:"hmg,omitempty"`
	AutoScan             *AutoScan            `json:"auto_scan,omitempty"`
	HmgRedundancy        string               `json:"hmg_redundancy,omitempty"`
	HmgSegregation       *bool                `json:"hmg_segregation,omitempty"`
	HmgSync              *bool                `json:"hmg_sync,omitempty"`
	KeyHistoryPolicy     *KeyHistoryPolicy    `json:"key_history_policy,omitempty"`

	// HmgStatus is Gatehouse's own: the state of each connection, by its id in Hmg.
	HmgStatus map[string]ConnectionState `json:"hmg_status,omitempty"`
}

// GroupRequest asks for a new group or for a change of one.
type GroupRequest struct {
	Name           *string              `json:"name,omitempty"`
	Description    *string              `json:"description,omitempty"`
	CustomMetadata *map[string]string   `json:"custom_metadata,omitempty"`
	AddHmg         []HmgConfig          `json:"add_hmg,omitempty"`
	ModHmg         map[string]HmgConfig `json:"mod_hmg,omitempty"`
	DelHmg         []string             `json:"del_hmg,omitempty"`
	AutoScan       Removable[AutoScan]  `json:"auto_scan,omitzero"`
	HmgRedundancy  Removable[string]    `json:"hmg_redundancy,omitzero"`
	HmgSegregation *bool                `json:"hmg_segregation,omitempty"`
	HmgSync        *bool                `json:"hmg_sync,omitempty"`

	KeyHistoryPolicy Removable[KeyHistoryPolicy] `json:"key_history_policy,omitzero"`
}

// AutoScan tells how often a group is synced by itself.
type AutoScan struct {
	ScanIntervalHours int `json:"scan_interval_hours"` // 1 to 255
}

// GroupPage is a list of groups with its metadata.
type GroupPage struct {
	Items    []Group            `json:"items"`
	Metadata CollectionMetadata `json:"metadata"`
}

// CollectionMetadata counts a collection, and continues it.
type CollectionMetadata struct {
	ContinuationToken string `json:"continuation_token,omitempty"`
	Count             int    `json:"count"`
	CountAccuracy     Tag    `json:"count_accuracy"` // Exact
}

// Tag is the alternative of a tagged union that has no other fields.
type Tag struct {
	Type string `json:"$type"`
}
