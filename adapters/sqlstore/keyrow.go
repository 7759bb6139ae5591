package sqlstore

import (
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// keyColumns are the columns of keyRow.
const keyColumns = "id, account_id, group_id, name, type, state, creator_kind, creator_id, " +
	"cka_id, cka_label, metadata, material, detail, version, due_at"

// keyRow is a row of the table keys.
type keyRow struct {
	ID          id.Key           `db:"id"`
	Account     id.Account       `db:"account_id"`
	Group       id.Group         `db:"group_id"`
	Name        string           `db:"name"`
	Type        keys.Type        `db:"type"`
	State       keys.State       `db:"state"`
	CreatorKind id.PrincipalKind `db:"creator_kind"`
	CreatorID   string           `db:"creator_id"`
	CKAID       []byte           `db:"cka_id"`
	CKALabel    []byte           `db:"cka_label"`
	Metadata    string           `db:"metadata"`
	Material    []byte           `db:"material"`
	Detail      string           `db:"detail"`
	Version     int64            `db:"version"`
	DueAt       stamp            `db:"due_at"` // of the rest; see keys.Key.Due
}

// keyDetail is the document of a key. Operations are stored by their names.
type keyDetail struct {
	Description      string          `json:"description,omitempty"`
	Size             int             `json:"size,omitempty"` // bits
	Curve            keys.Curve      `json:"curve,omitempty"`
	ParamSet         keys.ParamSet   `json:"param_set,omitempty"`
	Ops              []string        `json:"ops,omitempty"`
	Enabled          bool            `json:"enabled"`
	Origin           keys.Origin     `json:"origin,omitempty"`
	PublicOnly       bool            `json:"public_only,omitempty"`
	PublicKey        []byte          `json:"public_key,omitempty"` // DER, base64
	KCV              string          `json:"kcv,omitempty"`
	KCVCMAC          string          `json:"kcv_cmac,omitempty"`
	CipherMode       string          `json:"cipher_mode,omitempty"`
	RandomIV         bool            `json:"random_iv,omitempty"`
	Paddings         paddings        `json:"paddings,omitzero"`
	Export           exportPolicy    `json:"export,omitzero"`
	PublicExponent   int             `json:"public_exponent,omitempty"`
	CreatedAt        stamp           `json:"created_at,omitzero"`
	ActivationDate   stamp           `json:"activation_date,omitzero"`
	DeactivationDate stamp           `json:"deactivation_date,omitzero"`
	CompromiseDate   stamp           `json:"compromise_date,omitzero"`
	DestructionDate  stamp           `json:"destruction_date,omitzero"`
	DeletionDate     stamp           `json:"deletion_date,omitzero"`
	Revocation       *revocation     `json:"revocation,omitempty"`
	Rotation         *rotation       `json:"rotation,omitempty"`
	NextRotation     stamp           `json:"next_rotation,omitzero"`
	History          []historyItem   `json:"history,omitempty"`
	Links            links           `json:"links,omitzero"`
	Virtual          *virtualPointer `json:"virtual,omitempty"` // with the columns cka_id and cka_label
}

type links struct {
	Replacement id.Key   `json:"replacement,omitempty"`
	Replaced    id.Key   `json:"replaced,omitempty"`
	CopiedFrom  id.Key   `json:"copied_from,omitempty"`
	CopiedTo    []id.Key `json:"copied_to,omitempty"`
	Parent      id.Key   `json:"parent,omitempty"`
	Subkeys     []id.Key `json:"subkeys,omitempty"`
	WrappingKey id.Key   `json:"wrapping_key,omitempty"`
}

// IsZero lets omitzero see slices that are empty.
func (l links) IsZero() bool {
	return l.Replacement == "" && l.Replaced == "" && l.CopiedFrom == "" && l.Parent == "" &&
		l.WrappingKey == "" && len(l.CopiedTo) == 0 && len(l.Subkeys) == 0
}

type virtualPointer struct {
	Fingerprint  []byte `json:"fingerprint,omitempty"` // base64
	Own          bool   `json:"own,omitempty"`
	Ambiguous    bool   `json:"ambiguous,omitempty"`
	Extractable  bool   `json:"extractable,omitempty"`
	MissingSince stamp  `json:"missing_since,omitzero"`
}

func rowOfKey(k keys.Key) (keyRow, error) {
	row := keyRow{
		ID: k.ID, Account: k.Account, Group: k.Group, Name: k.Name, Type: k.Type, State: k.State,
		CreatorKind: k.Creator.Kind, CreatorID: k.Creator.ID, Material: none(k.Material), Version: k.Version,
		DueAt: at(k.Due()),
	}
	d := keyDetail{
		Description: k.Description, Size: k.Size, Curve: k.Curve, Ops: k.Ops.Names(), Enabled: k.Enabled,
		Origin: k.Origin, PublicOnly: k.PublicOnly, PublicKey: k.PublicKey, KCV: k.KCV,
		ParamSet: k.ParamSet, KCVCMAC: k.KCVCMAC, CipherMode: k.Cipher.Mode,
		RandomIV: k.Cipher.RandomIV, Paddings: paddingsOf(k.Paddings), Export: exportPolicy(k.Export),
		PublicExponent: k.RSA.PublicExponent,
		CreatedAt:      at(k.CreatedAt), ActivationDate: at(k.ActivationDate), DeactivationDate: at(k.DeactivationDate),
		CompromiseDate: at(k.CompromiseDate), DestructionDate: at(k.DestructionDate),
		DeletionDate: at(k.DeletionDate), Revocation: revocationOf(k.RevocationReason),
		Rotation: rotationOf(k.Rotation), NextRotation: at(k.ScheduledRotation), History: historyOf(k.History),
		Links: links(k.Links),
	}
	if v := k.Virtual; v != nil {
		row.CKAID, row.CKALabel = none(v.ID), none(v.Label)
		d.Virtual = &virtualPointer{
			Fingerprint: v.Fingerprint, Own: v.Own, Ambiguous: v.Ambiguous,
			Extractable: v.Extractable, MissingSince: at(v.MissingSince),
		}
	}
	var err error
	if row.Metadata, err = tags(k.Metadata); err != nil {
		return keyRow{}, err
	}
	row.Detail, err = encode(d)
	return row, err
}

func (r keyRow) key() (keys.Key, error) {
	var d keyDetail
	if err := decode(r.Detail, &d); err != nil {
		return keys.Key{}, damaged(err, "key", string(r.ID))
	}
	k := keys.Key{
		ID: r.ID, Account: r.Account, Group: r.Group, Name: r.Name, Type: r.Type, State: r.State,
		Creator: id.Principal{Kind: r.CreatorKind, ID: r.CreatorID}, Material: none(r.Material), Version: r.Version,
		Description: d.Description, Size: d.Size, Curve: d.Curve, Enabled: d.Enabled,
		Origin: d.Origin, PublicOnly: d.PublicOnly, PublicKey: d.PublicKey, KCV: d.KCV,
		ParamSet: d.ParamSet, KCVCMAC: d.KCVCMAC, Cipher: keys.CipherOptions{Mode: d.CipherMode, RandomIV: d.RandomIV},
		Paddings: d.Paddings.paddings(), Export: keys.ExportPolicy(d.Export),
		RSA:       keys.RSAOptions{PublicExponent: d.PublicExponent},
		CreatedAt: d.CreatedAt.Time, ActivationDate: d.ActivationDate.Time, DeactivationDate: d.DeactivationDate.Time,
		CompromiseDate: d.CompromiseDate.Time, DestructionDate: d.DestructionDate.Time,
		DeletionDate: d.DeletionDate.Time, RevocationReason: d.Revocation.reason(),
		Rotation: d.Rotation.policy(), ScheduledRotation: d.NextRotation.Time,
		Links: keys.Links(d.Links),
	}
	var err error
	if k.Ops, err = keys.ParseOps(d.Ops); err != nil {
		return keys.Key{}, damaged(err, "key", string(r.ID))
	}
	if k.Metadata, err = metadata(r.Metadata); err != nil {
		return keys.Key{}, damaged(err, "key", string(r.ID))
	}
	if k.History, err = history(d.History); err != nil {
		return keys.Key{}, damaged(err, "key", string(r.ID))
	}
	if v := d.Virtual; v != nil {
		k.Virtual = &keys.Pointer{
			ID: none(r.CKAID), Label: none(r.CKALabel), Fingerprint: v.Fingerprint, Own: v.Own,
			Ambiguous: v.Ambiguous, Extractable: v.Extractable, MissingSince: v.MissingSince.Time,
		}
	}
	return k, nil
}

func keysOf(rows []keyRow) ([]keys.Key, error) {
	list := make([]keys.Key, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = row.key(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
