package dsmclient

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
)

const approvalsPath = "/sys/v1/approval_requests"

// RequestApproval asks for the approval of a call instead of making it.
func (c *Client) RequestApproval(ctx context.Context, r dsmwire.ApprovalRequestRequest) (dsmwire.ApprovalRequest, error) {
	return post[dsmwire.ApprovalRequest](ctx, c, approvalsPath, r)
}

// Approval returns an approval request.
func (c *Client) Approval(ctx context.Context, id string) (dsmwire.ApprovalRequest, error) {
	return send[dsmwire.ApprovalRequest](ctx, c, request{method: http.MethodGet, path: below(approvalsPath, id)})
}

// ApprovalResult returns what an approved call has answered. Its body may hold secrets.
func (c *Client) ApprovalResult(ctx context.Context, id string) (dsmwire.ApprovableResult, error) {
	return post[dsmwire.ApprovableResult](ctx, c, below(approvalsPath, id, "result"), nil)
}
