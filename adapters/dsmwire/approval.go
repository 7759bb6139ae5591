package dsmwire

import "encoding/json"

// ApprovalRequestRequest asks for the approval of a call: its method, its path
// with or without a slash at the beginning, and its body.
type ApprovalRequestRequest struct {
	Method      string          `json:"method,omitempty"`
	Operation   string          `json:"operation,omitempty"`
	Body        json.RawMessage `json:"body,omitempty"`
	Description string          `json:"description,omitempty"`
}

// ApprovalRequest is a call that waits for its reviewers, or has been decided.
// What it holds of a call's body is not here: it may be secret.
type ApprovalRequest struct {
	RequestID   string    `json:"request_id"`
	AcctID      string    `json:"acct_id"`
	Method      string    `json:"method"`
	Operation   string    `json:"operation"`
	Description string    `json:"description,omitempty"`
	Requester   Principal `json:"requester"`
	Status      string    `json:"status"` // PENDING, APPROVED, DENIED, FAILED
	CreatedAt   Time      `json:"created_at"`
	Expiry      Time      `json:"expiry"`
	Denial      string    `json:"denial_reason,omitempty"`
}

// ApprovableResult is what an approved call has answered: its status, and its
// reply or an error's text.
type ApprovableResult struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"`
}
