// Package directory holds the values that say who exists: accounts, users,
// apps, and the sessions that they open. Values only: no I/O, no clock.
package directory

import (
	"maps"
	"time"

	"gatehouse/core/access"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// Account is the boundary that nothing crosses: keys, groups and apps belong to one.
type Account struct {
	ID          id.Account
	Name        string
	Description string
	CreatedAt   time.Time
	Enabled     bool
	Version     int64
}

// User is a person, who may belong to several accounts.
type User struct {
	ID           id.User
	Email        string // lower case, unique
	PasswordHash string // PHC string; empty when the user cannot log in with a password
	FirstName    string
	LastName     string
	Description  string
	CreatedAt    time.Time
	LastLoginAt  time.Time
	Enabled      bool
	Accounts     map[id.Account]access.Role
	Groups       map[id.Group]access.Permissions
	Version      int64
}

// Clone returns a deep copy of u.
func (u User) Clone() User {
	u.Accounts, u.Groups = maps.Clone(u.Accounts), maps.Clone(u.Groups)
	return u
}

// App is an application that uses keys, or manages them.
type App struct {
	ID           id.App
	Account      id.Account
	Name         string // unique within the account
	Description  string
	Type         string // free text of its maker
	Interface    string // free text of its maker
	Role         access.Role
	DefaultGroup id.Group
	Groups       map[id.Group]access.Permissions
	Secret       secret.Sealed // the second half of the API key; shown to administrators on request
	Creator      id.Principal
	CreatedAt    time.Time
	LastUsedAt   time.Time
	Enabled      bool
	Version      int64
}

// Clone returns a deep copy of a.
func (a App) Clone() App {
	a.Groups = maps.Clone(a.Groups)
	return a
}

// Session is what a bearer token stands for. The token itself is not kept.
type Session struct {
	TokenHash [32]byte // SHA-256 of the bearer token
	Principal id.Principal
	Account   id.Account // empty until a user selects one
	CreatedAt time.Time
	ExpiresAt time.Time
}
