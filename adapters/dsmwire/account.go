package dsmwire

// Account is an account, as the API shows it.
type Account struct {
	AcctID          string       `json:"acct_id"`
	Name            string       `json:"name"`
	Description     string       `json:"description,omitempty"`
	CreatedAt       Time         `json:"created_at,omitzero"`
	Enabled         bool         `json:"enabled"`
	LoggingConfigs  Object       `json:"logging_configs"`
	MarkKeyDisable  bool         `json:"mark_key_disable_when_deactivated"`
	OriginalPurpose Tag          `json:"original_purpose"` // Standard
	Purpose         Tag          `json:"purpose"`          // Standard
	Subscription    Subscription `json:"subscription"`
}

// Subscription is how an account is paid for; here it never is.
type Subscription struct {
	OnPrem *Object `json:"on_prem,omitempty"`
}

// AccountRequest asks for a new account or for a change of one.
type AccountRequest struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty"`
	Enabled     *bool   `json:"enabled,omitempty"`
}

// User is a user, as the API shows it within the account that is asked.
type User struct {
	UserID         string              `json:"user_id"`
	UserEmail      string              `json:"user_email"`
	FirstName      string              `json:"first_name,omitempty"`
	LastName       string              `json:"last_name,omitempty"`
	Description    string              `json:"description,omitempty"`
	AccountRole    []string            `json:"account_role"` // a role, and STATEENABLED
	CreatedAt      Time                `json:"created_at,omitzero"`
	LastLoggedInAt Time                `json:"last_logged_in_at,omitzero"`
	EmailVerified  *bool               `json:"email_verified,omitempty"`
	HasAccount     *bool               `json:"has_account,omitempty"`
	HasPassword    *bool               `json:"has_password,omitempty"`
	Groups         map[string][]string `json:"groups,omitempty"`
	MFADevices     []Object            `json:"mfa_devices"`
	U2FDevices     []Object            `json:"u2f_devices"`
}

// UserRequest asks to invite a user or for a change of one.
type UserRequest struct {
	UserEmail    string              `json:"user_email,omitempty"`
	UserPassword SecretText          `json:"user_password,omitzero"`
	FirstName    *string             `json:"first_name,omitempty"`
	LastName     *string             `json:"last_name,omitempty"`
	Description  *string             `json:"description,omitempty"`
	AccountRole  []string            `json:"account_role,omitempty"`
	Enable       *bool               `json:"enable,omitempty"`
	AddGroups    map[string][]string `json:"add_groups,omitempty"`
	ModGroups    map[string][]string `json:"mod_groups,omitempty"`
	DelGroups    map[string][]string `json:"del_groups,omitempty"`
}

// SignupRequest asks for a user of one's own.
type SignupRequest struct {
	UserEmail    string     `json:"user_email"`
	UserPassword SecretText `json:"user_password"`
	FirstName    *string    `json:"first_name,omitempty"`
	LastName     *string    `json:"last_name,omitempty"`
}

// The roles and flags of a user in an account, and its roles in a group.
const (
	RoleAdministrator  = "ACCOUNTADMINISTRATOR"
	RoleMember         = "ACCOUNTMEMBER"
	RoleAuditor        = "ACCOUNTAUDITOR"
	FlagEnabled        = "STATEENABLED"
	FlagInvited        = "PENDINGINVITE"
	GroupAdministrator = "GROUPADMINISTRATOR"
	GroupAuditor       = "GROUPAUDITOR"
)

// UserGroup is a group that a user belongs to (GET
// /gatehouse/v1/users/{id}/groups).
type UserGroup struct {
	GroupID string   `json:"group_id"`
	Name    string   `json:"name"`
	Roles   []string `json:"roles"`
	HSM     bool     `json:"hsm"`             // its keys live in an HSM
	State   string   `json:"state,omitempty"` // of its connections: Connected when one works
}
