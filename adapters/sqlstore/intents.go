package sqlstore

import (
	"context"

	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
)

// intentColumns are the columns of intentRow.
const intentColumns = "id, kind, account_id, group_id, key_id, reserved, abandoned, detail"

// intentRow is a row of the table intents.
type intentRow struct {
	ID        id.Intent    `db:"id"`
	Kind      intents.Kind `db:"kind"`
	Account   id.Account   `db:"account_id"`
	Group     id.Group     `db:"group_id"`
	Key       id.Key       `db:"key_id"`
	Reserved  *string      `db:"reserved"`
	Abandoned bool         `db:"abandoned"`
	Detail    string       `db:"detail"`
}

// intentDetail is the document of an intent.
type intentDetail struct {
	Spec      specDetail `json:"spec,omitzero"`
	Imported  bool       `json:"imported,omitempty"`
	CopiedOf  id.Key     `json:"copied_of,omitempty"`
	Replaces  replaced   `json:"replaces,omitzero"`
	Deletes   bool       `json:"deletes,omitempty"`
	Creator   principal  `json:"creator,omitzero"`
	StartedAt stamp      `json:"started_at,omitzero"`
}

// replaced is what becomes of a key that another takes the place of.
type replaced struct {
	Key        id.Key `json:"key"`
	Name       string `json:"name"`
	Deactivate bool   `json:"deactivate,omitempty"`
}

// specDetail is what a key was to be. Operations are stored by their names.
type specDetail struct {
	Name             string            `json:"name,omitempty"`
	Description      string            `json:"description,omitempty"`
	Type             keys.Type         `json:"type,omitempty"`
	Size             int               `json:"size,omitempty"` // bits
	Curve            keys.Curve        `json:"curve,omitempty"`
	ParamSet         keys.ParamSet     `json:"param_set,omitempty"`
	CipherMode       string            `json:"cipher_mode,omitempty"`
	RandomIV         bool              `json:"random_iv,omitempty"`
	Paddings         paddings          `json:"paddings,omitzero"`
	Export           exportPolicy      `json:"export,omitzero"`
	Ops              []string          `json:"ops,omitempty"`
	PublicExponent   int               `json:"public_exponent,omitempty"`
	Enabled          bool              `json:"enabled,omitempty"`
	ActivationDate   stamp             `json:"activation_date,omitzero"`
	DeactivationDate stamp             `json:"deactivation_date,omitzero"`
	State            keys.State        `json:"state,omitempty"`
	Rotation         *rotation         `json:"rotation,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
}

func rowOfIntent(i intents.Intent) (intentRow, error) {
	s := i.Spec
	detail, err := encode(intentDetail{
		Imported: i.Imported, CopiedOf: i.CopiedOf, Replaces: replaced(i.Replaces), Deletes: i.Deletes,
		Creator: principal(i.Creator), StartedAt: at(i.StartedAt),
		Spec: specDetail{
			Name: s.Name, Description: s.Description, Type: s.Type, Size: s.Size, Curve: s.Curve, Ops: s.Ops.Names(),
			ParamSet: s.ParamSet, CipherMode: s.Cipher.Mode, RandomIV: s.Cipher.RandomIV, Paddings: paddingsOf(s.Paddings), Export: exportPolicy(s.Export),
			PublicExponent: s.RSA.PublicExponent, Enabled: s.Enabled,
			ActivationDate: at(s.ActivationDate), DeactivationDate: at(s.Deactivation), Metadata: s.Metadata,
			State: s.State, Rotation: rotationOf(s.Rotation),
		},
	})
	row := intentRow{
		ID: i.ID, Kind: i.Kind, Account: i.Account, Group: i.Group, Key: i.Key, Abandoned: i.Abandoned, Detail: detail,
	}
	if i.Kind == intents.Create && !i.Abandoned {
		row.Reserved = &s.Name
	}
	return row, err
}

func (r intentRow) intent() (intents.Intent, error) {
	var d intentDetail
	if err := decode(r.Detail, &d); err != nil {
		return intents.Intent{}, damaged(err, "intent", string(r.ID))
	}
	ops, err := keys.ParseOps(d.Spec.Ops)
	if err != nil {
		return intents.Intent{}, damaged(err, "intent", string(r.ID))
	}
	return intents.Intent{
		ID: r.ID, Kind: r.Kind, Account: r.Account, Group: r.Group, Key: r.Key, Abandoned: r.Abandoned,
		Imported: d.Imported, CopiedOf: d.CopiedOf, Replaces: intents.Replaced(d.Replaces), Deletes: d.Deletes, Creator: id.Principal(d.Creator), StartedAt: d.StartedAt.Time,
		Spec: keys.Spec{
			Name: d.Spec.Name, Description: d.Spec.Description, Type: d.Spec.Type, Size: d.Spec.Size, Curve: d.Spec.Curve,
			ParamSet: d.Spec.ParamSet, Cipher: keys.CipherOptions{Mode: d.Spec.CipherMode, RandomIV: d.Spec.RandomIV}, Paddings: d.Spec.Paddings.paddings(), Export: keys.ExportPolicy(d.Spec.Export),
			Ops: ops, RSA: keys.RSAOptions{PublicExponent: d.Spec.PublicExponent}, Enabled: d.Spec.Enabled,
			ActivationDate: d.Spec.ActivationDate.Time, Deactivation: d.Spec.DeactivationDate.Time, Metadata: d.Spec.Metadata,
			State: d.Spec.State, Rotation: d.Spec.Rotation.policy(),
		},
	}, nil
}

// BeginIntent stores an intent, and keeps the name for the key that it is to make.
func (s *Store) BeginIntent(ctx context.Context, i intents.Intent) error {
	row, err := rowOfIntent(i)
	if err != nil {
		return err
	}
	return s.write(ctx, func(c conn) error {
		err := put(ctx, c, "INSERT INTO intents ("+intentColumns+") "+
			"VALUES (:id, :kind, :account_id, :group_id, :key_id, :reserved, :abandoned, :detail)", row)
		if err != nil {
			return replace(replace(err, taken, keyTaken()), reference, noGroup())
		}
		if row.Reserved == nil {
			return nil
		}
		return c.checkReserved(ctx, i.Account, *row.Reserved)
	})
}

// ListIntents returns all intents, the oldest first.
func (s *Store) ListIntents(ctx context.Context) ([]intents.Intent, error) {
	var rows []intentRow
	err := s.look(ctx, func(c conn) error {
		return c.all(ctx, &rows, "SELECT "+intentColumns+" FROM intents ORDER BY seq")
	})
	if err != nil {
		return nil, err
	}
	list := make([]intents.Intent, len(rows))
	for i, row := range rows {
		if list[i], err = row.intent(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// AbandonIntent marks an intent and gives its name back.
func (s *Store) AbandonIntent(ctx context.Context, i id.Intent) error {
	return s.write(ctx, func(c conn) error {
		return c.must(ctx, fault.New(fault.NotFound, "intent does not exist"),
			"UPDATE intents SET abandoned = ?, reserved = NULL WHERE id = ?", true, i)
	})
}

// EndIntent deletes an intent, if it is there.
func (s *Store) EndIntent(ctx context.Context, i id.Intent) error {
	return s.write(ctx, func(c conn) error { return c.endIntent(ctx, i) })
}

func (c conn) endIntent(ctx context.Context, i id.Intent) error {
	if i == "" {
		return nil
	}
	_, err := c.exec(ctx, "DELETE FROM intents WHERE id = ?", i)
	return err
}
