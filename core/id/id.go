// Package id holds the identifiers of everything that has one, as distinct
// types so that they cannot be swapped. All are UUIDs in their bare, lower-case,
// hyphenated form. Identifiers are made by whoever holds the randomness, never here.
package id

// The identifiers.
type (
	Account    string // an account: the boundary that nothing crosses
	User       string // a person
	App        string // an application
	Group      string // a group of keys
	Connection string // one way from an HSM group to its HSM
	Key        string // a security object
	Intent     string // something begun on a token and not yet recorded
	Scan       string // a sync of a group
)

// Valid reports whether s is a UUID in the form that the API uses.
func Valid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// PrincipalKind tells who a principal is.
type PrincipalKind string

// The kinds of principals that can act, or be named as a creator.
const (
	UserPrincipal   PrincipalKind = "user"
	AppPrincipal    PrincipalKind = "app"
	GroupPrincipal  PrincipalKind = "group" // keys that a sync found belong to the group that found them
	SystemPrincipal PrincipalKind = "system"
)

// Principal is who acts or who made something.
type Principal struct {
	Kind PrincipalKind
	ID   string
}
