package restapi

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/syncing"
	"gatehouse/core/id"
	"gatehouse/core/keysync"
)

// scans registers the API's calls about syncs that nobody waits for, and
// Gatehouse's own about them.
func (s *server) scans() {
	const (
		api, own = "/sys/v1/groups/{group_id}/hmg/scans", "/gatehouse/v1/groups/{group_id}/scans"
		tag      = "Gatehouse"
	)
	register(s, endpoint[dsmwire.ScanRequest, dsmwire.Scan]{
		ID: "AsyncScanHmg", Method: http.MethodPost, Path: api, Tag: "Groups", Optional: true,
		Summary: "Begin to sync the keys of a group with its HSM; a sync that runs is answered with",
		Do: func(ctx context.Context, c *call[dsmwire.ScanRequest]) (dsmwire.Scan, error) {
			gid, err := pathID[id.Group](&c.request, "group_id")
			if err != nil {
				return dsmwire.Scan{}, err
			}
			begun, err := s.Syncing.Start(ctx, c.Caller, gid)
			return scanOf(begun.Scan), err
		},
	})
	register(s, endpoint[none, dsmwire.ScanPage]{
		ID: "GetAllHmgScans", Method: http.MethodGet, Path: api, Tag: "Groups",
		Summary: "The sync of a group that runs, and the last ones that have ended",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.ScanPage, error) {
			all, err := s.scansOf(ctx, c)
			return dsmwire.ScanPage{Items: mapped(all, func(r syncing.Running) dsmwire.Scan { return scanOf(r.Scan) })}, err
		},
	})
	register(s, endpoint[none, dsmwire.Scan]{
		ID: "GetScan", Method: http.MethodGet, Path: api + "/{scan_id}", Tag: "Groups", Summary: "A sync of a group",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.Scan, error) {
			r, err := s.scan(ctx, c)
			return scanOf(r.Scan), err
		},
	})
	register(s, endpoint[none, dsmwire.ScanStates]{
		ID: "ListScans", Method: http.MethodGet, Path: own, Tag: tag,
		Summary: "The sync of a group that runs and the last ones that have ended, with progress and counts",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.ScanStates, error) {
			all, err := s.scansOf(ctx, c)
			return dsmwire.ScanStates{Items: mapped(all, scanStateOf)}, err
		},
	})
	register(s, endpoint[none, dsmwire.ScanState]{
		ID: "ShowScan", Method: http.MethodGet, Path: own + "/{scan_id}", Tag: tag, Summary: "A sync of a group, with progress and counts",
		Do: func(ctx context.Context, c *call[none]) (dsmwire.ScanState, error) {
			r, err := s.scan(ctx, c)
			return scanStateOf(r), err
		},
	})
	register(s, endpoint[none, none]{
		ID: "CancelScan", Method: http.MethodPost, Path: own + "/{scan_id}/cancel", Tag: tag, Slow: true, Optional: true,
		Summary: "Cancel a sync that runs; what it has recorded is kept",
		Do: func(ctx context.Context, c *call[none]) (none, error) {
			gid, sid, err := scanPath(c)
			if err != nil {
				return none{}, err
			}
			return none{}, s.Syncing.Cancel(ctx, c.Caller, gid, sid)
		},
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		register(s, endpoint[none, dsmwire.SyncPlan]{
			ID: map[string]string{http.MethodGet: "GetSyncPlan", http.MethodPost: "PlanSync"}[method], Method: method,
			Path: "/gatehouse/v1/groups/{group_id}/sync-plan", Tag: tag, Slow: true, Optional: true,
			Summary: "What a sync of a group would do now; nothing is written",
			Do: func(ctx context.Context, c *call[none]) (dsmwire.SyncPlan, error) {
				gid, err := pathID[id.Group](&c.request, "group_id")
				if err != nil {
					return dsmwire.SyncPlan{}, err
				}
				p, err := s.Syncing.Plan(ctx, c.Caller, gid)
				return planOf(p), err
			},
		})
	}
}

func (s *server) scansOf(ctx context.Context, c *call[none]) ([]syncing.Running, error) {
	gid, err := pathID[id.Group](&c.request, "group_id")
	if err != nil {
		return nil, err
	}
	return s.Syncing.Scans(ctx, c.Caller, gid)
}

func scanPath(c *call[none]) (id.Group, id.Scan, error) {
	gid, err := pathID[id.Group](&c.request, "group_id")
	if err != nil {
		return "", "", err
	}
	sid, err := pathID[id.Scan](&c.request, "scan_id")
	return gid, sid, err
}

func (s *server) scan(ctx context.Context, c *call[none]) (syncing.Running, error) {
	gid, sid, err := scanPath(c)
	if err != nil {
		return syncing.Running{}, err
	}
	return s.Syncing.Scan(ctx, c.Caller, gid, sid)
}

// scanOf is a scan as the API shows it. Its warnings name keys by UUIDs, which
// an HSM key has not: the message names it.
func scanOf(sc keysync.Scan) dsmwire.Scan {
	out := dsmwire.Scan{
		ScanID: string(sc.ID), IsAsync: sc.Async, StartedAt: dsmwire.NewTime(sc.StartedAt), FinishedAt: dsmwire.NewTime(sc.FinishedAt),
		Warnings: mapped(sc.Warnings, func(w keysync.Warning) dsmwire.ScanWarning {
			return dsmwire.ScanWarning{VirtualKeyID: string(w.Key), Message: message(w)}
		}),
	}
	switch sc.Result {
	case keysync.Running:
	case keysync.Succeeded:
		out.Result = &dsmwire.ScanResult{Type: string(keysync.Succeeded)}
	case keysync.Failed, keysync.Cancelled:
		out.Result = &dsmwire.ScanResult{Type: string(keysync.Failed), Message: &sc.Message}
	}
	return out
}

// message is a warning that names the HSM key that it is about.
func message(w keysync.Warning) string {
	switch {
	case len(w.CKAID) > 0 && len(w.Label) > 0:
		return fmt.Sprintf("%s (CKA_ID %x, CKA_LABEL %q)", w.Message, w.CKAID, w.Label)
	case len(w.CKAID) > 0:
		return fmt.Sprintf("%s (CKA_ID %x)", w.Message, w.CKAID)
	case len(w.Label) > 0:
		return fmt.Sprintf("%s (CKA_LABEL %q)", w.Message, w.Label)
	default:
		return w.Message
	}
}

func scanStateOf(r syncing.Running) dsmwire.ScanState {
	out := dsmwire.ScanState{
		Scan: scanOf(r.Scan), State: cmp.Or(string(r.Result), "Running"), Starter: creator(r.Starter),
	}
	out.Warnings = mapped(r.Warnings, warningOf)
	if r.Result != keysync.Running {
		c := dsmwire.ScanCounts(r.Counts)
		out.Counts = &c
	} else if r.Progress.Phase != "" {
		out.Progress = &dsmwire.SyncProgress{Phase: string(r.Progress.Phase), Done: r.Progress.Done, Total: r.Progress.Total}
	}
	return out
}

// warningOf names the HSM key by its CKA_ID in hex, which is what there is of it
// in every case.
func warningOf(w keysync.Warning) dsmwire.ScanWarning {
	return dsmwire.ScanWarning{SourceKeyID: hex.EncodeToString(w.CKAID), VirtualKeyID: string(w.Key), Message: w.Message}
}
