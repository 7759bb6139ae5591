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
