package sqlstore

import (
	"gatehouse/core/id"
	"gatehouse/core/keysync"
)

// scanColumns are the columns of scanRow.
const scanColumns = "id, group_id, running, detail"

// scanRow is a row of the table scans.
type scanRow struct {
	ID      id.Scan  `db:"id"`
	Group   id.Group `db:"group_id"`
	Running bool     `db:"running"`
	Detail  string   `db:"detail"`
}

// scanDetail is the document of a sync.
type scanDetail struct {
	Starter    principal      `json:"starter,omitzero"`
	Async      bool           `json:"async,omitempty"`
	StartedAt  stamp          `json:"started_at,omitzero"`
	FinishedAt stamp          `json:"finished_at,omitzero"`
	Result     keysync.Result `json:"result,omitempty"`
	Message    string         `json:"message,omitempty"`

	Objects   int `json:"objects,omitempty"`
	Added     int `json:"added,omitempty"`
	Changed   int `json:"changed,omitempty"`
	Back      int `json:"back,omitempty"`
	Missing   int `json:"missing,omitempty"`
	Conflicts int `json:"conflicts,omitempty"`
	Unchanged int `json:"unchanged,omitempty"`
	Skipped   int `json:"skipped,omitempty"`
}

// scanWarningRow is a row of the table scan_warnings.
type scanWarningRow struct {
	Scan     id.Scan `db:"scan_id"`
	Position int     `db:"position"`
	Detail   string  `db:"detail"`
}

// warningDetail is the document of a warning. Bytes are base64.
type warningDetail struct {
	CKAID   []byte `json:"cka_id,omitempty"`
	Label   []byte `json:"label,omitempty"`
	Key     id.Key `json:"key,omitempty"`
	Message string `json:"message"`
}

func rowsOfScan(s keysync.Scan) (scanRow, []scanWarningRow, error) {
	detail, err := encode(scanDetail{
		Starter: principal(s.Starter), Async: s.Async, StartedAt: at(s.StartedAt), FinishedAt: at(s.FinishedAt),
		Result: s.Result, Message: s.Message, Objects: s.Counts.Objects, Added: s.Counts.Added, Changed: s.Counts.Changed,
		Back: s.Counts.Back, Missing: s.Counts.Missing, Conflicts: s.Counts.Conflicts, Unchanged: s.Counts.Unchanged, Skipped: s.Counts.Skipped,
	})
	if err != nil {
		return scanRow{}, nil, err
	}
	warnings := make([]scanWarningRow, len(s.Warnings))
	for i, w := range s.Warnings {
		text, err := encode(warningDetail(w))
		if err != nil {
			return scanRow{}, nil, err
		}
		warnings[i] = scanWarningRow{Scan: s.ID, Position: i, Detail: text}
	}
	return scanRow{ID: s.ID, Group: s.Group, Running: s.Result == keysync.Running, Detail: detail}, warnings, nil
}

func (r scanRow) scan(warnings []scanWarningRow) (keysync.Scan, error) {
	var d scanDetail
	if err := decode(r.Detail, &d); err != nil {
		return keysync.Scan{}, damaged(err, "scan", string(r.ID))
	}
	s := keysync.Scan{
		ID: r.ID, Group: r.Group, Starter: id.Principal(d.Starter), Async: d.Async, StartedAt: d.StartedAt.Time,
		FinishedAt: d.FinishedAt.Time, Result: d.Result, Message: d.Message,
		Counts: keysync.Counts{
			Objects: d.Objects, Added: d.Added, Changed: d.Changed, Back: d.Back, Missing: d.Missing,
			Conflicts: d.Conflicts, Unchanged: d.Unchanged, Skipped: d.Skipped,
		},
	}
	for _, row := range warnings {
		var w warningDetail
		if err := decode(row.Detail, &w); err != nil {
			return keysync.Scan{}, damaged(err, "a warning of scan", string(r.ID))
		}
		s.Warnings = append(s.Warnings, keysync.Warning(w))
	}
	return s, nil
}
