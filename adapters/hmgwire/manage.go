package hmgwire

import (
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// Generate asks for a key to be made.
type Generate struct {
	Scope
	Template Template `cbor:"3,keyasint"`
}

// Import asks for a key to be taken in.
type Import struct {
	Scope
	Template Template `cbor:"3,keyasint"`
	Material Secret   `cbor:"4,keyasint"`
}

// Destroy asks for a key to be removed.
type Destroy struct {
	Scope
	Ref Ref `cbor:"3,keyasint"`
}

// Heal asks a worker process to take a step of the healing ladder. A gateway
// refuses it: how its HSM is mended is not its clients' affair.
type Heal struct {
	Scope
	Step uint8 `cbor:"3,keyasint"` // healing.Step
}

// Update asks for attributes of a key to be changed; absent ones stay. What
// cannot be taken back is asked for by KindReduce: a gateway that does not know
// it must not do the rest.
type Update struct {
	Scope
	Ref   Ref     `cbor:"3,keyasint"`
	Label *[]byte `cbor:"4,keyasint,omitempty"`
	Ops   *uint32 `cbor:"5,keyasint,omitempty"`

	RemovePrivate bool `cbor:"6,keyasint,omitempty"`
	Unextractable bool `cbor:"7,keyasint,omitempty"`
}

// NewUpdate returns the change c of the key r for the wire.
func NewUpdate(s Scope, r hsm.Ref, c hsm.Change) Update {
	u := Update{Scope: s, Ref: NewRef(r), Label: c.Label, RemovePrivate: c.RemovePrivate, Unextractable: c.Unextractable}
	if c.Ops != nil {
		ops := uint32(*c.Ops)
		u.Ops = &ops
	}
	return u
}

// Change returns the domain's value.
func (u Update) Change() hsm.Change {
	c := hsm.Change{Label: u.Label, RemovePrivate: u.RemovePrivate, Unextractable: u.Unextractable}
	if u.Ops != nil {
		ops := keys.Ops(*u.Ops)
		c.Ops = &ops
	}
	return c
}

// Info is hsm.Info.
type Info struct {
	Slot         uint64               `cbor:"1,keyasint"`
	Label        string               `cbor:"2,keyasint,omitempty"`
	Serial       string               `cbor:"3,keyasint,omitempty"`
	Manufacturer string               `cbor:"4,keyasint,omitempty"`
	Model        string               `cbor:"5,keyasint,omitempty"`
	Firmware     string               `cbor:"6,keyasint,omitempty"`
	Library      string               `cbor:"7,keyasint,omitempty"`
	Generate     []GenerateCapability `cbor:"8,keyasint,omitempty"`
	Mechanisms   []Mechanism          `cbor:"9,keyasint,omitempty"`
	Sessions     int                  `cbor:"10,keyasint,omitempty"`
	Renewed      uint64               `cbor:"11,keyasint,omitempty"`
	Logins       uint64               `cbor:"12,keyasint,omitempty"`
}

// GenerateCapability is hsm.GenerateCapability.
type GenerateCapability struct {
	Type    string `cbor:"1,keyasint"`
	MinBits int    `cbor:"2,keyasint,omitempty"`
	MaxBits int    `cbor:"3,keyasint,omitempty"`
}

// Mechanism is hsm.Mechanism.
type Mechanism struct {
	Operation string `cbor:"1,keyasint"`
	Type      string `cbor:"2,keyasint,omitempty"`
	Mode      string `cbor:"3,keyasint,omitempty"`
	Hash      string `cbor:"4,keyasint,omitempty"`
}

// NewInfo returns i for the wire.
func NewInfo(i hsm.Info) Info {
	w := Info{
		Slot: uint64(i.Slot), Label: Text(i.Label), Serial: Text(i.Serial), Manufacturer: Text(i.Manufacturer),
		Model: Text(i.Model), Firmware: Text(i.Firmware), Library: Text(i.Library),
		Sessions: i.Sessions.Open, Renewed: i.Sessions.Renewed, Logins: i.Sessions.Logins,
	}
	for _, g := range i.Capabilities.Generate {
		w.Generate = append(w.Generate, GenerateCapability{Type: string(g.Type), MinBits: g.MinBits, MaxBits: g.MaxBits})
	}
	for _, m := range i.Capabilities.Mechanisms {
		w.Mechanisms = append(w.Mechanisms, Mechanism{
			Operation: m.Operation, Type: string(m.Type), Mode: string(m.Mode), Hash: string(m.Hash),
		})
	}
	return w
}

// Info returns the domain's value. Capabilities that this end does not know
// are kept: nobody will ask for them.
func (i Info) Info() hsm.Info {
	h := hsm.Info{
		Slot: uint(i.Slot), Label: Text(i.Label), Serial: Text(i.Serial), Manufacturer: Text(i.Manufacturer),
		Model: Text(i.Model), Firmware: Text(i.Firmware), Library: Text(i.Library),
		Sessions: hsm.Sessions{Open: i.Sessions, Renewed: i.Renewed, Logins: i.Logins},
	}
	for _, g := range i.Generate {
		h.Capabilities.Generate = append(h.Capabilities.Generate,
			hsm.GenerateCapability{Type: keys.Type(g.Type), MinBits: g.MinBits, MaxBits: g.MaxBits})
	}
	for _, m := range i.Mechanisms {
		h.Capabilities.Mechanisms = append(h.Capabilities.Mechanisms, hsm.Mechanism{
			Operation: m.Operation, Type: keys.Type(m.Type), Mode: operations.Mode(m.Mode), Hash: operations.Hash(m.Hash),
		})
	}
	return h
}
