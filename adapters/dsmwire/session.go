package dsmwire

// AuthRequest is the body of an authentication that does not use the
// Authorization header. The method's fields lie beside its tag.
type AuthRequest struct {
	Method    string     `json:"method,omitempty"` // password, auth-by-app-name …
	TokenType string     `json:"token_type,omitempty"`
	Email     string     `json:"email,omitempty"`
	Password  SecretText `json:"password,omitzero"`
	AcctID    string     `json:"acct_id,omitempty"`
	Name      string     `json:"name,omitempty"`
}

// AuthResponse is a new session.
type AuthResponse struct {
	TokenType   string     `json:"token_type"` // Bearer
	ExpiresIn   uint32     `json:"expires_in"` // seconds
	AccessToken SecretText `json:"access_token,omitzero"`
	EntityID    string     `json:"entity_id"`
}

// SelectAccountRequest names the account that a user's session works in.
type SelectAccountRequest struct {
	AcctID string `json:"acct_id"`
}

// SelectAccountResponse is always {}: one public client fails on an empty body.
type SelectAccountResponse struct {
	Cookie string `json:"cookie,omitempty"`
}

// AuthDiscoverRequest asks how a user may log in.
type AuthDiscoverRequest struct {
	UserEmail string `json:"user_email,omitempty"`
}

// AuthMethod is a way to log in.
type AuthMethod struct {
	Method string `json:"method"` // password
}

// PasswordChangeRequest gives the calling user a new password.
type PasswordChangeRequest struct {
	CurrentPassword SecretText `json:"current_password"`
	NewPassword     SecretText `json:"new_password"`
}

// Version tells what answers.
type Version struct {
	Version    string `json:"version"` // major.minor.build
	APIVersion string `json:"api_version"`
	ServerMode string `json:"server_mode"` // Software or Sgx
	FIPSLevel  *uint8 `json:"fips_level,omitempty"`
}
