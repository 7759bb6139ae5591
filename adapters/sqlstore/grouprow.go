package sqlstore

import (
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// groupColumns are the columns of groupRow.
const groupColumns = "id, account_id, name, detail, version"

// groupRow is a row of the table groups.
type groupRow struct {
	ID      id.Group   `db:"id"`
	Account id.Account `db:"account_id"`
	Name    string     `db:"name"`
	Detail  string     `db:"detail"`
	Version int64      `db:"version"`
}

// groupDetail is the document of a group.
type groupDetail struct {
	Description string            `json:"description,omitempty"`
	CreatedAt   stamp             `json:"created_at,omitzero"`
	Creator     principal         `json:"creator,omitzero"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Kind        groups.Kind       `json:"kind,omitempty"`
	Redundancy  groups.Redundancy `json:"redundancy,omitempty"`
	WriteBack   bool              `json:"write_back,omitempty"`
	OwnKeysOnly bool              `json:"own_keys_only,omitempty"`
	UndoWindow  int64             `json:"undo_window,omitempty"` // seconds
	AutoScan    int               `json:"auto_scan,omitempty"`   // hours
}

// connectionColumns are the columns of connectionRow.
const connectionColumns = "id, group_id, position, pin, client_key, detail"

// connectionRow is a row of the table connections.
type connectionRow struct {
	ID        id.Connection `db:"id"`
	Group     id.Group      `db:"group_id"`
	Position  int           `db:"position"`
	PIN       []byte        `db:"pin"`
	ClientKey []byte        `db:"client_key"`
	Detail    string        `db:"detail"`
}

// connectionDetail is the document of a connection. The slot may need all 64
// bits, more than a column has.
type connectionDetail struct {
	Kind    groups.Kind `json:"kind,omitempty"`
	Address string      `json:"address,omitempty"`
	Slot    uint        `json:"slot"`
	Order   int32       `json:"order"`
	TLS     tlsDetail   `json:"tls,omitzero"`

	Refused   fault.Reason `json:"refused,omitempty"` // why the token refused the PIN
	RefusedAt stamp        `json:"refused_at,omitzero"`
}

type tlsDetail struct {
	Mode             groups.TLSMode `json:"mode,omitempty"`
	GlobalRoots      bool           `json:"global_roots,omitempty"`
	Pinned           [][]byte       `json:"pinned,omitempty"` // DER, base64
	ValidateHostname bool           `json:"validate_hostname,omitempty"`
	ClientCert       []byte         `json:"client_cert,omitempty"` // base64
}

// IsZero lets omitzero see slices that are empty.
func (t tlsDetail) IsZero() bool {
	return t.Mode == "" && !t.GlobalRoots && !t.ValidateHostname && len(t.Pinned) == 0 && len(t.ClientCert) == 0
}

func rowsOfGroup(g groups.Group) (groupRow, []connectionRow, error) {
	detail, err := encode(groupDetail{
		Description: g.Description, CreatedAt: at(g.CreatedAt), Creator: principal(g.Creator), Metadata: g.Metadata,
		Kind: g.Kind, Redundancy: g.Redundancy, WriteBack: g.Policy.WriteBack, OwnKeysOnly: g.Policy.OwnKeysOnly,
		UndoWindow: int64(g.UndoWindow / time.Second),
		AutoScan:   g.AutoScan,
	})
	if err != nil {
		return groupRow{}, nil, err
	}
	conns := make([]connectionRow, len(g.Connections))
	for i, c := range g.Connections {
		detail, err := encode(connectionDetail{
			Kind: c.Kind, Address: c.Address, Slot: c.Slot, Order: c.Order,
			TLS: tlsDetail{
				Mode: c.TLS.Mode, GlobalRoots: c.TLS.GlobalRoots, Pinned: c.TLS.Pinned,
				ValidateHostname: c.TLS.ValidateHostname, ClientCert: c.TLS.ClientCert,
			},
			Refused: c.Refusal.Reason, RefusedAt: at(c.Refusal.At),
		})
		if err != nil {
			return groupRow{}, nil, err
		}
		conns[i] = connectionRow{
			ID: c.ID, Group: g.ID, Position: i, PIN: none(c.PIN), ClientKey: none(c.TLS.ClientKey), Detail: detail,
		}
	}
	return groupRow{ID: g.ID, Account: g.Account, Name: g.Name, Detail: detail, Version: g.Version}, conns, nil
}

func (r groupRow) group(conns []connectionRow) (groups.Group, error) {
	var d groupDetail
	if err := decode(r.Detail, &d); err != nil {
		return groups.Group{}, damaged(err, "group", string(r.ID))
	}
	g := groups.Group{
		ID: r.ID, Account: r.Account, Name: r.Name, Version: r.Version,
		Description: d.Description, CreatedAt: d.CreatedAt.Time, Creator: id.Principal(d.Creator), Metadata: d.Metadata,
		Kind: d.Kind, Redundancy: d.Redundancy,
		Policy: groups.Policy{WriteBack: d.WriteBack, OwnKeysOnly: d.OwnKeysOnly}, AutoScan: d.AutoScan,
		UndoWindow: time.Duration(d.UndoWindow) * time.Second,
	}
	for _, c := range conns {
		conn, err := c.connection()
		if err != nil {
			return groups.Group{}, err
		}
		g.Connections = append(g.Connections, conn)
	}
	return g, nil
}

func (r connectionRow) connection() (groups.Connection, error) {
	var d connectionDetail
	if err := decode(r.Detail, &d); err != nil {
		return groups.Connection{}, damaged(err, "connection", string(r.ID))
	}
	return groups.Connection{
		ID: r.ID, Kind: d.Kind, Address: d.Address, Slot: d.Slot, PIN: secret.Sealed(none(r.PIN)), Order: d.Order,
		TLS: groups.TLS{
			Mode: d.TLS.Mode, GlobalRoots: d.TLS.GlobalRoots, Pinned: d.TLS.Pinned,
			ValidateHostname: d.TLS.ValidateHostname, ClientCert: d.TLS.ClientCert,
			ClientKey: secret.Sealed(none(r.ClientKey)),
		},
		Refusal: groups.Refusal{Reason: d.Refused, At: d.RefusedAt.Time},
	}, nil
}
