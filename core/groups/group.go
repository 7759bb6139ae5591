// Package groups holds the concept of a group of keys: ordinary, or linked to
// an HSM by one or more connections, and the key management policy of the latter.
//
// Everything here is a value: no I/O, no clock, no randomness.
package groups

import (
	"maps"
	"slices"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// Kind tells where the keys of a group live.
type Kind string

// The kinds of groups. All but Ordinary are spelled as HmgConfig's kind.
const (
	Ordinary    Kind = "" // material sealed in the store
	NCipher     Kind = "Ncipher"
	SafeNet     Kind = "Safenet"
	AWSCloudHSM Kind = "AwsCloudHsm"
	SoftHSM     Kind = "Softhsm"  // ours alone: the lab's
	Fortanix    Kind = "Fortanix" // another service: a Gatehouse, or a DSM
)

// HSMKinds lists the kinds whose keys live behind connections: in an HSM behind
// a gateway, or in another service.
func HSMKinds() []Kind { return []Kind{NCipher, SafeNet, AWSCloudHSM, SoftHSM, Fortanix} }

// HSM reports whether keys of a group of this kind live behind connections.
func (k Kind) HSM() bool { return slices.Contains(HSMKinds(), k) }

// Service reports whether that is in another service: its connections have no
// slot, and an API key for a PIN.
func (k Kind) Service() bool { return k == Fortanix }

// Redundancy tells in which order the connections of a group are tried.
type Redundancy string

// The redundancy schemes of the API (hmg_redundancy).
const (
	AnyOrder         Redundancy = "" // random order
	PriorityFailover Redundancy = "PriorityFailover"
)

// Policy is the key management policy of an HSM group.
type Policy struct {
	WriteBack   bool // hmg_sync: changes of virtual keys are carried out in the HSM (P2)
	OwnKeysOnly bool // hmg_segregation: a sync imports only keys made through this group (P4.2)
}

// Group is a group of keys.
type Group struct {
	ID          id.Group
	Account     id.Account
	Name        string
	Description string
	CreatedAt   time.Time
	Creator     id.Principal
	Metadata    map[string]string

	Kind        Kind
	Connections []Connection // empty for an ordinary group
	Redundancy  Redundancy
	Policy      Policy
	AutoScan    int // auto_scan: hours between automatic syncs; 0: none

	// UndoWindow is for how long changes of its keys can be undone
	// (key_history_policy); 0: they cannot.
	UndoWindow time.Duration

	Version int64 // grows by one with every recorded change
}

// Clone returns a copy of g that shares nothing that may be changed.
func (g Group) Clone() Group {
	g.Metadata = maps.Clone(g.Metadata)
	g.Connections = slices.Clone(g.Connections)
	return g
}

// Connection returns g's connection with the given id.
func (g Group) Connection(c id.Connection) (Connection, error) {
	for _, conn := range g.Connections {
		if conn.ID == c {
			return conn, nil
		}
	}
	return Connection{}, fault.New(fault.NotFound, "hmg config does not exist")
}

// ByPriority returns g's connections in ascending order of priority number,
// those of equal number in the order in which they were added.
func (g Group) ByPriority() []Connection {
	conns := slices.Clone(g.Connections)
	slices.SortStableFunc(conns, func(a, b Connection) int { return int(a.Order) - int(b.Order) })
	return conns
}
