// Package store is the port to everything that must outlive the process. Each
// interface serves one aggregate; adapters/sqlstore implements all, and the
// suite in storetest is the contract in executable form.
//
// For every method of every interface: calls may be concurrent. What a method
// has returned without error is durable. Each method is one transaction: all
// of it happens or nothing. Change closures are pure, may be called more than
// once (serialisation failures are retried below), and get a value that they
// own; the error that they return is returned as it is and nothing is stored.
// Errors: fault.NotFound, also for what a new value refers to (its account, its
// group), fault.Conflict for what must be unique, fault.Unavailable when the
// database is out of reach, full or closed or the context ended, fault.Internal
// for damage, and for a change that alters an id or an account.
//
// Times are kept to the microsecond and come back in UTC. Empty maps, slices
// and sealed values come back nil.
package store

import (
	"context"
	"time"

	"gatehouse/core/audit"
	"gatehouse/core/directory"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/intents"
	"gatehouse/core/keys"
	"gatehouse/core/keysync"
	"gatehouse/core/secret"
)

// Keys holds security objects.
type Keys interface {
	// Key returns a key; NotFound "sobject does not exist". A key that is
	// destroyed or deleted is still a key: what is known of it may be asked for
	// after its end (NIST SP 800-57 part 1, section 8.4), until its group is deleted.
	Key(ctx context.Context, k id.Key) (keys.Key, error)

	// KeyByName returns the key of that name in the account, which is not one
	// in state Deleted: that one's name is free. NotFound as Key.
	KeyByName(ctx context.Context, a id.Account, name string) (keys.Key, error)

	// ListKeys returns the keys that q selects, and counts of the same moment.
	// NotFound when there is no key to begin after.
	ListKeys(ctx context.Context, q KeyQuery) (KeyPage, error)

	// EachKey calls yield for every key of a group that is not deleted, in
	// order of id, and stops at its first error. It does not hold a transaction
	// open between calls.
	EachKey(ctx context.Context, g id.Group, yield func(keys.Key) error) error

	// EachDue is EachKey for the keys of all groups to which something happens
	// by itself at that time or earlier (keys.Key.Due); deleted ones too.
	EachDue(ctx context.Context, by time.Time, yield func(keys.Key) error) error

	// AddKey stores a new key and ends the intent under which it was made, if
	// finished is not empty. Conflict "sobject already exists" when the id is
	// taken, or the name by another key or by an intent other than finished.
	AddKey(ctx context.Context, k keys.Key, finished id.Intent) error

	// SyncKeys stores what a sync found, in one transaction: changes of known
	// keys, then added ones. Conflict as AddKey.
	SyncKeys(ctx context.Context, added []keys.Key, changes []KeyChange) error

	// UpdateKey applies change to a key and returns the new value, whose
	// Version has grown by one. Conflict as AddKey.
	UpdateKey(ctx context.Context, k id.Key, change func(keys.Key) (keys.Key, error)) (keys.Key, error)

	// RecordKeys stores what belongs together, in one transaction: it ends the
	// intent, if finished is not empty, makes the changes in their order, and
	// adds the new keys. NotFound when a key to be changed is gone. Conflict as AddKey.
	RecordKeys(ctx context.Context, added []keys.Key, changes []KeyChange, finished id.Intent) error
}

// KeyChange changes one key within RecordKeys, or within SyncKeys, which passes
// over a key that is gone.
type KeyChange struct {
	Key    id.Key
	Change func(keys.Key) (keys.Key, error)
}

// KeyOrder is the order of a list.
type KeyOrder string

// The orders of the API (sort); a list without one is in order of creation.
const (
	ByCreation KeyOrder = ""
	ByKIDAsc   KeyOrder = "kid:asc"
	ByKIDDesc  KeyOrder = "kid:desc"
	ByNameAsc  KeyOrder = "name:asc"
	ByNameDesc KeyOrder = "name:desc"
)

// KeyQuery selects keys of one account. Empty fields select everything.
type KeyQuery struct {
	Account       id.Account
	Groups        []id.Group // nil: all; empty but not nil: none
	Group         id.Group
	Creator       string // id of a principal
	Name          string // exact
	Type          keys.Type
	Label         []byte // CKA_LABEL of a virtual key, exact
	CKAID         []byte // CKA_ID of a virtual key, exact
	Metadata      map[string]string
	Where         func(keys.Key) bool // what else must hold; pure; it is asked only of keys that the rest selects
	ShowDestroyed bool
	ShowDeleted   bool

	// Known is the caller's memory: it returns the key of that id if it holds
	// that version of it, which is then not read; nil: all are read.
	Known func(k id.Key, version int64) (keys.Key, bool)

	Order  KeyOrder
	After  id.Key // only keys after this one in the order (start)
	Limit  int    // 0: no limit
	Offset int
	Count  bool // fill in the page's counts
}

// KeyPage is a part of a list. Destroyed and deleted keys count where they show.
type KeyPage struct {
	Keys     []keys.Key
	Total    int // all keys of the account that the caller may see (Groups); only with Count
	Filtered int // those that the query selects, before start, limit and offset; only with Count
}

// Groups holds groups with their connections.
type Groups interface {
	Group(ctx context.Context, g id.Group) (groups.Group, error)          // NotFound "group does not exist"
	ListGroups(ctx context.Context, a id.Account) ([]groups.Group, error) // in order of creation; a empty: all accounts
	AddGroup(ctx context.Context, g groups.Group) error                   // Conflict "group already exists" by name within the account
	UpdateGroup(ctx context.Context, g id.Group, change func(groups.Group) (groups.Group, error)) (groups.Group, error)

	// DeleteGroup deletes a group, what is left of keys in state Deleted, and
	// the membership of users and apps in it. Conflict while it holds other
	// keys or unfinished intents.
	DeleteGroup(ctx context.Context, g id.Group) error
}

// Directory holds accounts, users and apps.
type Directory interface {
	Account(ctx context.Context, a id.Account) (directory.Account, error)
	ListAccounts(ctx context.Context) ([]directory.Account, error)
	AddAccount(ctx context.Context, a directory.Account) error // Conflict by name
	UpdateAccount(ctx context.Context, a id.Account, change func(directory.Account) (directory.Account, error)) (directory.Account, error)

	User(ctx context.Context, u id.User) (directory.User, error)
	UserByEmail(ctx context.Context, email string) (directory.User, error)
	ListUsers(ctx context.Context, a id.Account) ([]directory.User, error) // members of a; a empty: all
	AddUser(ctx context.Context, u directory.User) error                   // Conflict by email
	UpdateUser(ctx context.Context, u id.User, change func(directory.User) (directory.User, error)) (directory.User, error)
	DeleteUser(ctx context.Context, u id.User) error

	App(ctx context.Context, a id.App) (directory.App, error)
	ListApps(ctx context.Context, a id.Account) ([]directory.App, error)
	AddApp(ctx context.Context, a directory.App) error // Conflict by name within the account
	UpdateApp(ctx context.Context, a id.App, change func(directory.App) (directory.App, error)) (directory.App, error)
	DeleteApp(ctx context.Context, a id.App) error
}

// Sessions holds what bearer tokens stand for.
type Sessions interface {
	Session(ctx context.Context, tokenHash [32]byte) (directory.Session, error)
	AddSession(ctx context.Context, s directory.Session) error
	UpdateSession(ctx context.Context, tokenHash [32]byte, change func(directory.Session) (directory.Session, error)) (directory.Session, error)
	DeleteSession(ctx context.Context, tokenHash [32]byte) error // no error when there is none
	DeleteSessionsOf(ctx context.Context, p id.Principal) error
	DeleteSessionsBefore(ctx context.Context, expired time.Time) error
}

// Intents holds what was begun on a token.
type Intents interface {
	// BeginIntent stores an intent before the token is touched. For a Create
	// it reserves the key's name: Conflict "sobject already exists" when a key
	// or another unfinished intent of the account has it.
	BeginIntent(ctx context.Context, i intents.Intent) error
	ListIntents(ctx context.Context) ([]intents.Intent, error) // oldest first
	AbandonIntent(ctx context.Context, i id.Intent) error      // sets Abandoned and gives the name back, for the requester to try again
	EndIntent(ctx context.Context, i id.Intent) error          // no error when there is none
}

// Scans holds the syncs of groups: of each group the one that runs, and the
// last that have ended.
type Scans interface {
	// BeginScan stores that a sync has begun. Conflict "a sync of this group is
	// running" while one of the group has not ended; NotFound for the group.
	BeginScan(ctx context.Context, s keysync.Scan) error

	// EndScan stores how a sync has ended, with its warnings, and forgets those
	// of its group that ended before the last ScansKept. NotFound "scan does
	// not exist" when it does not run.
	EndScan(ctx context.Context, s keysync.Scan) error

	Scan(ctx context.Context, g id.Group, s id.Scan) (keysync.Scan, error) // NotFound "scan does not exist"
	ListScans(ctx context.Context, g id.Group) ([]keysync.Scan, error)     // the newest first
	RunningScans(ctx context.Context) ([]keysync.Scan, error)              // of all groups, the oldest first
}

// ScansKept is how many ended syncs of a group are kept.
const ScansKept = 5

// Audit holds the audit log.
type Audit interface {
	// AppendAudit links the records to the end of the chain in the order
	// given. Callers that wait at the same time share a transaction, and its
	// error. When the context ends first the records may still be appended.
	AppendAudit(ctx context.Context, records ...audit.Record) error

	// EachAudit yields the records from number from on, in order, as they are
	// stored: an audit.Verifier tells whether they are as they were appended. It
	// does not hold a transaction open between calls.
	EachAudit(ctx context.Context, from int64, yield func(audit.Record) error) error

	// AuditHead returns the end of the chain, which is kept apart from the
	// records so that records missing at the end are missed.
	AuditHead(ctx context.Context) (audit.Head, error)
}

// Sealed gives access to everything that is stored sealed, for a change of the master key.
type Sealed interface {
	// Reseal replaces every sealed value by what reseal returns for it, unless
	// that says false, a few at a time, and returns how many it replaced. It
	// can be interrupted and begun again; sealed settings come last. Purpose
	// and owner are those of port seal. No trace of the replaced values is left
	// in the store once it has returned without error.
	Reseal(ctx context.Context, reseal func(purpose, owner string, s secret.Sealed) (secret.Sealed, bool, error)) (int, error)

	// Setting returns a named value of the store itself; NotFound when unset.
	Setting(ctx context.Context, name string) ([]byte, error)
	PutSetting(ctx context.Context, name string, value []byte) error

	// SealedSetting and PutSealedSetting are the same for what is sealed for
	// a purpose, with the name as its owner: Reseal walks these too.
	SealedSetting(ctx context.Context, purpose, name string) (secret.Sealed, error)
	PutSealedSetting(ctx context.Context, purpose, name string, s secret.Sealed) error
}

// Store is all of it: what an assembly opens. Use cases ask for the parts that they need.
type Store interface {
	Keys
	Groups
	Directory
	Sessions
	Intents
	Scans
	Audit
	Sealed
	Close() error
}
