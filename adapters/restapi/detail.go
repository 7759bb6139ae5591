package restapi

import (
	"context"
	"maps"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/attributes"
	"gatehouse/core/id"
	"gatehouse/core/keys"
)

// details registers Gatehouse's own view of a key.
func (s *server) details() {
	register(s, endpoint[none, dsmwire.KeyDetail]{
		ID: "GetKeyDetail", Method: http.MethodGet, Path: "/gatehouse/v1/keys/{kid}", Tag: tagKeys,
		Summary: "A key with its group, its maker, and its PKCS#11, CNG and custom attributes", Do: s.keyDetail,
	})
}

func (s *server) keyDetail(ctx context.Context, c *call[none]) (dsmwire.KeyDetail, error) {
	kid, err := pathID[id.Key](&c.request, "kid")
	if err != nil {
		return dsmwire.KeyDetail{}, err
	}
	k, err := s.Keyring.Find(ctx, c.Caller, keyring.Descriptor{ID: kid})
	if err != nil {
		return dsmwire.KeyDetail{}, err
	}
	g, err := s.Grouping.Group(ctx, c.Caller, k.Group)
	if err != nil {
		return dsmwire.KeyDetail{}, err
	}
	group := dsmwire.KeyGroup{GroupID: string(g.ID), Name: g.Name, HSM: g.Kind.HSM(), Kind: string(g.Kind)}
	if group.HSM {
		group.State = string(summary(s.Grouping.State(g)))
	}
	custom := maps.Clone(k.Metadata)
	if custom == nil {
		custom = map[string]string{}
	}
	return dsmwire.KeyDetail{
		Key: sobject(k, everything), Group: group, CreatedBy: s.keyCreator(ctx, c.Caller, k, g.Name),
		Attributes: dsmwire.KeyAttributes{PKCS11: attributes.PKCS11(k), CNG: attributes.CNG(k), Custom: custom},
	}, nil
}

// keyCreator tells who made k. A name that the caller may not know stays empty.
func (s *server) keyCreator(ctx context.Context, c access.Caller, k keys.Key, group string) dsmwire.KeyCreator {
	by := dsmwire.KeyCreator{Kind: string(k.Creator.Kind), ID: k.Creator.ID}
	switch k.Creator.Kind {
	case id.UserPrincipal:
		if u, err := s.Accounts.User(ctx, c, id.User(by.ID)); err == nil {
			by.Name = u.Email
		}
	case id.AppPrincipal:
		if a, err := s.Accounts.App(ctx, c, id.App(by.ID)); err == nil {
			by.Name = a.Name
		}
	case id.GroupPrincipal:
		if by.ID == string(k.Group) {
			by.Name = group
		}
	case id.SystemPrincipal:
	}
	return by
}
