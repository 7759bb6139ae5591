package restapi

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse/adapters/dsmwire"
)

// The types below only describe, for the OpenAPI document, what types of
// dsmwire look like on the wire: unions and formats that reflection cannot see.

type secretText struct{}

// Schema describes a secret string.
func (secretText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "password"}
}

type binary struct{}

// Schema describes base64.
func (binary) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, ContentEncoding: "base64"}
}

type compactTime struct{}

// Schema describes the compact form of times.
func (compactTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: `^\d{8}T\d{6}Z$`, Examples: []any{"20261121T213000Z"}}
}

type anything struct{}

// Schema describes nothing.
func (anything) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

type removableText struct{}

// Schema describes a string that unsets when it is "remove".
func (removableText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: `A value, or "remove"`}
}

type principalUnion struct{}

// Schema describes who may have made something.
func (principalUnion) Schema(huma.Registry) *huma.Schema {
	uuid := &huma.Schema{Type: huma.TypeString, Format: "uuid"}
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"user": uuid}, Required: []string{"user"}},
		{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"app": uuid}, Required: []string{"app"}},
		{Type: huma.TypeString, Enum: []any{"system"}},
	}}
}

type modeUnion struct{}

// Schema describes a cipher mode or a padding.
func (modeUnion) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeString, Description: "A cipher mode, as GCM"},
		{Type: huma.TypeObject, Description: `A padding, as {"OAEP": {"mgf": {"mgf1": {"hash": "SHA256"}}}}`},
	}}
}

type paddingPolicyUnion struct{}

// Schema describes a padding that a policy allows.
func (paddingPolicyUnion) Schema(huma.Registry) *huma.Schema {
	one := 1
	return &huma.Schema{
		Type: huma.TypeObject, MinProperties: &one, MaxProperties: &one,
		Description: `A padding, as {"PKCS1_V15": {}}, {"OAEP": {}} for every hash, or {"OAEP": {"mgf": {"mgf1": {"hash": "SHA256"}}}}`,
	}
}

type externalIDUnion struct{}

// Schema describes the identity of the key that a virtual key stands for.
func (externalIDUnion) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString, ContentEncoding: "base64"}
	return &huma.Schema{OneOf: []*huma.Schema{
		{
			Type: huma.TypeObject, Description: "CKA_ID and CKA_LABEL of a key in a PKCS#11 token",
			Properties: map[string]*huma.Schema{"id": text, "label": text}, Required: []string{"id", "label"},
		},
		{
			Type: huma.TypeObject, Description: "The id of a key of another service",
			Properties: map[string]*huma.Schema{"id": {Type: huma.TypeString, Format: "uuid"}}, Required: []string{"id"},
		},
	}}
}

type appGroupsUnion struct{}

// Schema describes both forms of an app's groups.
func (appGroupsUnion) Schema(huma.Registry) *huma.Schema {
	names := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeObject, AdditionalProperties: names, Description: "Permissions by group"},
		{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"}, Description: "Groups"},
	}}
}

// describeWire tells the registry what dsmwire's types look like.
func describeWire(r huma.Registry) {
	for from, to := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[dsmwire.SecretText]():        reflect.TypeFor[secretText](),
		reflect.TypeFor[dsmwire.SecretBytes]():       reflect.TypeFor[binary](),
		reflect.TypeFor[dsmwire.Time]():              reflect.TypeFor[compactTime](),
		reflect.TypeFor[dsmwire.RawObject]():         reflect.TypeFor[anything](),
		reflect.TypeFor[dsmwire.Removable[string]](): reflect.TypeFor[removableText](),
		reflect.TypeFor[dsmwire.Principal]():         reflect.TypeFor[principalUnion](),
		reflect.TypeFor[dsmwire.Mode]():              reflect.TypeFor[modeUnion](),
		reflect.TypeFor[dsmwire.PaddingPolicy]():     reflect.TypeFor[paddingPolicyUnion](),
		reflect.TypeFor[dsmwire.AppGroups]():         reflect.TypeFor[appGroupsUnion](),
		reflect.TypeFor[dsmwire.ExternalID]():        reflect.TypeFor[externalIDUnion](),
	} {
		r.RegisterTypeAlias(from, to)
	}
}
