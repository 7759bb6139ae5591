package dsmwire

import (
	"encoding/json"

	"gatehouse/core/fault"
)

// Principal is who made or asked for something: {"user": id}, {"app": id},
// {"plugin": id}, {"userviaapp": {…}}, "system" or "unregistereduser". Exactly
// one field is set; none is null.
type Principal struct {
	User         string
	App          string
	Plugin       string
	UserViaApp   *UserViaApp
	System       bool
	Unregistered bool
}

// UserViaApp is a user who acts through an app.
type UserViaApp struct {
	UserID string   `json:"user_id"`
	Scopes []string `json:"scopes"`
}

const (
	systemPrincipal       = "system"
	unregisteredPrincipal = "unregistereduser"
)

type principalObject struct {
	User       string      `json:"user,omitempty"`
	App        string      `json:"app,omitempty"`
	Plugin     string      `json:"plugin,omitempty"`
	UserViaApp *UserViaApp `json:"userviaapp,omitempty"`
}

// MarshalJSON writes the union.
func (p Principal) MarshalJSON() ([]byte, error) {
	switch {
	case p == Principal{}:
		return []byte("null"), nil
	case p.System:
		return json.Marshal(systemPrincipal)
	case p.Unregistered:
		return json.Marshal(unregisteredPrincipal)
	default:
		return json.Marshal(principalObject{p.User, p.App, p.Plugin, p.UserViaApp})
	}
}

// UnmarshalJSON reads the union.
func (p *Principal) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var name string
	if json.Unmarshal(b, &name) == nil {
		switch name {
		case systemPrincipal:
			*p = Principal{System: true}
			return nil
		case unregisteredPrincipal:
			*p = Principal{Unregistered: true}
			return nil
		}
		return fault.New(fault.Invalid, "a principal is not one that the API knows")
	}
	var o principalObject
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	set := 0
	for _, is := range []bool{o.User != "", o.App != "", o.Plugin != "", o.UserViaApp != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fault.New(fault.Invalid, "a principal is not one that the API knows")
	}
	*p = Principal{User: o.User, App: o.App, Plugin: o.Plugin, UserViaApp: o.UserViaApp}
	return nil
}
