package dsmclient

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// Scan brings the virtual keys of a group in line with its HSM and returns the
// new ones. It may take minutes: it has no deadline but that of its context.
func (c *Client) Scan(ctx context.Context, groupID string) ([]dsmwire.Sobject, error) {
	return sendUnhurried(ctx, c, request{
		method: http.MethodPost, path: below(groupsPath, groupID, "hmg", "scan"), body: dsmwire.ScanRequest{},
	}, fromJSON[[]dsmwire.Sobject])
}

// Sync is Scan told as it goes (a call of Gatehouse alone): progress, which may
// be nil, is called for every step, and the outcome counts what was found.
func (c *Client) Sync(ctx context.Context, groupID string, progress func(dsmwire.SyncProgress)) (dsmwire.SyncOutcome, error) {
	if progress == nil {
		progress = func(dsmwire.SyncProgress) {}
	}
	body, err := encode(dsmwire.ScanRequest{})
	if err != nil {
		return dsmwire.SyncOutcome{}, err
	}
	resp, err := c.do(ctx, request{method: http.MethodPost, path: below("/gatehouse/v1/groups", groupID, "sync")}, body)
	if err != nil {
		return dsmwire.SyncOutcome{}, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(io.LimitReader(resp.Body, c.limit))
	for {
		var e dsmwire.SyncEvent
		switch err := lines.Decode(&e); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return dsmwire.SyncOutcome{}, fault.New(fault.Unavailable, "the service went away during the sync")
		case err != nil:
			return dsmwire.SyncOutcome{}, unreachable(err)
		case e.Error != nil:
			return dsmwire.SyncOutcome{}, &Error{Status: e.Error.Status, Message: e.Error.Message, RequestID: resp.Header.Get("X-Request-Id")}
		case e.Outcome != nil:
			return *e.Outcome, nil
		case e.Progress != nil:
			progress(*e.Progress)
		}
	}
}

// StartScan begins a sync that nobody waits for, or returns the one that runs.
func (c *Client) StartScan(ctx context.Context, groupID string) (dsmwire.Scan, error) {
	return post[dsmwire.Scan](ctx, c, below(groupsPath, groupID, "hmg", "scans"), dsmwire.ScanRequest{})
}

// Scans returns the sync of a group that runs, and the last that have ended,
// the newest first.
func (c *Client) Scans(ctx context.Context, groupID string) ([]dsmwire.Scan, error) {
	page, err := send[dsmwire.ScanPage](ctx, c, request{method: http.MethodGet, path: below(groupsPath, groupID, "hmg", "scans")})
	return page.Items, err
}

// ScanByID returns a sync of a group.
func (c *Client) ScanByID(ctx context.Context, groupID, scanID string) (dsmwire.Scan, error) {
	return send[dsmwire.Scan](ctx, c, request{method: http.MethodGet, path: below(groupsPath, groupID, "hmg", "scans", scanID)})
}

// ScanStates is Scans with progress and counts (a call of Gatehouse alone).
func (c *Client) ScanStates(ctx context.Context, groupID string) ([]dsmwire.ScanState, error) {
	page, err := send[dsmwire.ScanStates](ctx, c, request{method: http.MethodGet, path: below("/gatehouse/v1/groups", groupID, "scans")})
	return page.Items, err
}

// CancelScan cancels a sync that runs (a call of Gatehouse alone).
func (c *Client) CancelScan(ctx context.Context, groupID, scanID string) error {
	_, err := sendUnhurried(ctx, c, request{
		method: http.MethodPost, path: below("/gatehouse/v1/groups", groupID, "scans", scanID, "cancel"),
	}, func([]byte, *struct{}) error { return nil })
	return err
}

// SyncPlan tells what a sync of a group would do now (a call of Gatehouse alone).
func (c *Client) SyncPlan(ctx context.Context, groupID string) (dsmwire.SyncPlan, error) {
	return sendUnhurried(ctx, c, request{
		method: http.MethodGet, path: below("/gatehouse/v1/groups", groupID, "sync-plan"),
	}, fromJSON[dsmwire.SyncPlan])
}

// Connections returns the states of a group's connections by priority, as they
// are known (a call of Gatehouse alone).
func (c *Client) Connections(ctx context.Context, groupID string) ([]dsmwire.ConnectionStatus, error) {
	return send[[]dsmwire.ConnectionStatus](ctx, c, request{
		method: http.MethodGet, path: below("/gatehouse/v1/groups", groupID, "connections"),
	})
}

// CheckToken is CheckGroup that returns what the token says of itself (a call
// of Gatehouse alone).
func (c *Client) CheckToken(ctx context.Context, groupID string, r dsmwire.CheckHmgRequest) (dsmwire.TokenInfo, error) {
	return post[dsmwire.TokenInfo](ctx, c, below("/gatehouse/v1/groups", groupID, "connections", "check"), r)
}
