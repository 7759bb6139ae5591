// Package keyquery holds what filters of keys can name: the fields of the API,
// and the attributes of PKCS#11 and CNG.
//
// A filter is parsed before anything is read and then asked about each key.
// Lists of keys use it. Values only; safe for concurrent use.
package keyquery

import (
	"strings"
	"time"

	"gatehouse/core/attributes"
	"gatehouse/core/filter"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// The fields that are not in a key, but in what it refers to.
const (
	GroupName   = "group_name"
	CreatorName = "creator_name"
)

// View is a key as a filter sees it.
type View struct {
	Key keys.Key
	*Circumstances
}

// Circumstances are what a filter knows besides the key.
type Circumstances struct {
	Now      time.Time               // states are of this moment
	Groups   map[id.Group]string     // names; needed when the filter mentions GroupName
	Creators map[id.Principal]string // names; needed when it mentions CreatorName
}

// Filter is a filter of keys. The zero Filter lets every key through.
type Filter struct{ filter.Filter[View] }

// Parse reads a filter; Invalid when it is none.
func Parse(text string) (Filter, error) {
	f, err := filter.Parse(text, fields())
	return Filter{f}, err
}

// Where returns what tells whether the filter lets a key through; nil when it
// lets all through.
func (f Filter) Where(c Circumstances) func(keys.Key) bool {
	if f.All() {
		return nil
	}
	return func(k keys.Key) bool { return f.Match(View{k, &c}) }
}

func text(of func(View) string) filter.Field[View] {
	return filter.Field[View]{Kind: filter.Text, Of: func(v View) filter.Value { return filter.TextOf(of(v)) }}
}

func moment(of func(keys.Key) time.Time) filter.Field[View] {
	return filter.Field[View]{Kind: filter.Time, Of: func(v View) filter.Value { return filter.TimeOf(of(v.Key)) }}
}

func flag(of func(keys.Key) bool) filter.Field[View] {
	return filter.Field[View]{Kind: filter.Flag, Of: func(v View) filter.Value { return filter.FlagOf(of(v.Key)) }}
}

// below makes the fields that begin with a prefix.
func below(of func(k keys.Key, name string) string) func(string) filter.Field[View] {
	return func(name string) filter.Field[View] {
		return text(func(v View) string { return of(v.Key, name) })
	}
}

// fields are the API's, with creator_type spelled as it has it, and, of ours,
// virtual, missing_since and the attributes.
func fields() filter.Fields[View] {
	ends := moment(func(k keys.Key) time.Time { return k.DeactivationDate })
	label := func(name string) filter.Field[View] {
		return text(func(v View) string { return attributes.PKCS11(v.Key)[name] })
	}
	return filter.Fields[View]{
		Named: map[string]filter.Field[View]{
			"kid":               text(func(v View) string { return string(v.Key.ID) }),
			"name":              text(func(v View) string { return v.Key.Name }),
			"description":       text(func(v View) string { return v.Key.Description }),
			"group_id":          text(func(v View) string { return string(v.Key.Group) }),
			GroupName:           text(func(v View) string { return v.Groups[v.Key.Group] }),
			"obj_type":          text(func(v View) string { return string(v.Key.Type) }),
			"elliptic_curve":    text(func(v View) string { return string(v.Key.Curve) }),
			"state":             text(func(v View) string { return string(v.Key.StateAt(v.Now)) }),
			"origin":            text(func(v View) string { return string(v.Key.Origin) }),
			"kcv":               text(func(v View) string { return v.Key.KCV }),
			"creator_id":        text(func(v View) string { return v.Key.Creator.ID }),
			"creator_type":      text(func(v View) string { return creatorTypes[v.Key.Creator.Kind] }),
			CreatorName:         text(func(v View) string { return v.Creators[v.Key.Creator] }),
			"wrapping_key":      text(func(v View) string { return string(v.Key.Links.WrappingKey) }),
			"pkcs11_id":         label("CKA_ID"),
			"pkcs11_label":      label("CKA_LABEL"),
			"key_size":          {Kind: filter.Number, Of: func(v View) filter.Value { return filter.NumberOf(v.Key.Size) }},
			"key_ops":           {Kind: filter.Words, Of: func(v View) filter.Value { return filter.WordsOf(v.Key.Ops.Names()) }},
			"enabled":           flag(func(k keys.Key) bool { return k.Enabled }),
			"public_only":       flag(func(k keys.Key) bool { return k.PublicOnly }),
			"virtual":           flag(func(k keys.Key) bool { return k.Virtual != nil }),
			"created_at":        moment(func(k keys.Key) time.Time { return k.CreatedAt }),
			"activation_date":   moment(func(k keys.Key) time.Time { return k.ActivationDate }),
			"compromise_date":   moment(func(k keys.Key) time.Time { return k.CompromiseDate }),
			"destruction_date":  moment(func(k keys.Key) time.Time { return k.DestructionDate }),
			"deactivation_date": ends,
			"expires":           ends,
			"missing_since": moment(func(k keys.Key) time.Time {
				if k.Virtual == nil {
					return time.Time{}
				}
				return k.Virtual.MissingSince
			}),
		},
		Below: map[string]func(string) filter.Field[View]{
			"custom_attributes.": below(func(k keys.Key, name string) string { return k.Metadata[name] }),
			"custom_metadata.":   below(func(k keys.Key, name string) string { return k.Metadata[name] }),
			"pkcs11.":            below(func(k keys.Key, name string) string { return attributes.PKCS11(k)[strings.ToUpper(name)] }),
			"cng.":               below(func(k keys.Key, name string) string { return attributes.CNG(k)[name] }),
		},
	}
}

// creatorTypes are the API's names; it has none for a group.
var creatorTypes = map[id.PrincipalKind]string{
	id.UserPrincipal: "User", id.AppPrincipal: "App", id.GroupPrincipal: "System", id.SystemPrincipal: "System",
}
