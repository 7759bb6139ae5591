package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

func objectSteps() []Step {
	return []Step{
		{When, `^the administrator lists the keys by name$`, listing(dsmclient.KeyQuery{Sort: "name:asc"})},
		{When, `^the administrator lists the keys by name backwards$`, listing(dsmclient.KeyQuery{Sort: "name:desc"})},
		{When, `^the administrator lists the keys by name, one after "([^"]*)"$`, on1((*scenario).listsOneAfter)},
		{When, `^the administrator lists the keys that are virtual$`, filtered(`{"virtual":true}`)},
		{When, `^the administrator lists the keys that are not virtual$`, filtered(`{"virtual":false}`)},
		{When, `^the administrator lists the keys of groups named like "pay"$`, filtered(`{"group_name":{"$text":{"$search":"pay"}}}`)},
		{When, `^the administrator lists the keys of type AES$`, filtered(`{"obj_type":{"$eq":"AES"}}`)},
		{When, `^the administrator lists the keys of 2048 bits and more$`, filtered(`{"key_size":{"$gte":2048}}`)},
		{When, `^the administrator lists the keys named like "ONE" that are virtual$`, filtered(`{"$and":[{"name":{"$text":{"$search":"ONE"}}},{"virtual":"true"}]}`)},
		{When, `^the administrator lists the keys that may sign or wrap and are not AES$`, filtered(`{"key_ops":{"$any":{"$in":["SIGN","WRAPKEY"]}},"obj_type":{"$not":{"$eq":"AES"}}}`)},
		{When, `^the administrator lists the keys by a condition that nobody understands$`, filtered(`{"name":{"$sounds":"like"}}`)},
		{Then, `^the list is "([^"]*)"$`, on1((*scenario).listIs)},

		{Given, `^the administrator is told that "([^"]*)" is not connected$`, on1((*scenario).toldNotConnected)},
		{Given, `^the administrator has given "([^"]*)" the custom attributes "([^"]*)"$`, on2((*scenario).givesAttributes)},
		{Then, `^the view of "([^"]*)" shows the HSM group "([^"]*)" as (connected|not connected)$`, on3((*scenario).viewShowsHSM)},
		{Then, `^the view of "([^"]*)" shows the ordinary group "([^"]*)"$`, on2((*scenario).viewShowsOrdinary)},
		{Then, `^the view of "([^"]*)" shows that the (group|application) "([^"]*)" made it$`, on3((*scenario).viewShowsMaker)},
		{Then, `^the (PKCS#11|CNG|custom) attributes of "([^"]*)" are "([^"]*)"$`, on3((*scenario).attributesAre)},
		{When, `^the administrator looks for keys by the (PKCS#11|CNG|custom) attribute "([^"]*)" of "([^"]*)"$`, on3((*scenario).looksForAttribute)},
	}
}

func listing(q dsmclient.KeyQuery) any {
	return on0(func(s *scenario, ctx context.Context) error { return s.lists(ctx, q) })
}

func filtered(filter string) any {
	return listing(dsmclient.KeyQuery{Filter: filter, Sort: "name:asc"})
}

func (s *scenario) lists(ctx context.Context, q dsmclient.KeyQuery) (err error) {
	s.listed, err = s.admin.Keys(ctx, q)
	return s.did(err)
}

func (s *scenario) listsOneAfter(ctx context.Context, name string) error {
	return s.lists(ctx, dsmclient.KeyQuery{Sort: "name:asc", Start: name, Limit: 1})
}

func (s *scenario) listIs(_ context.Context, list string) error {
	if s.outcome != nil {
		return s.outcome
	}
	got := make([]string, len(s.listed))
	for i, k := range s.listed {
		if got[i] = k.Name; k.External != nil {
			got[i] += ", virtual"
		}
	}
	return expect("the list", strings.Join(got, "; "), list)
}

// toldNotConnected waits until the service knows what it would find out anyway.
func (s *scenario) toldNotConnected(ctx context.Context, name string) error {
	g, err := s.group(name)
	if err != nil {
		return err
	}
	if err := s.admin.CheckGroup(ctx, g.GroupID, dsmwire.CheckHmgRequest{}); err == nil {
		return errors.New("the group is connected")
	}
	return nil
}

func (s *scenario) givesAttributes(ctx context.Context, name, list string) error {
	k, err := s.key(ctx, name)
	if err != nil {
		return err
	}
	attributes := pairs(list)
	_, err = s.admin.UpdateKey(ctx, k.KID, dsmwire.SobjectRequest{CustomMetadata: &attributes})
	return err
}

// pairs reads "name value; name value": names may hold blanks, values may not.
func pairs(list string) map[string]string {
	m := map[string]string{}
	for pair := range strings.SplitSeq(list, "; ") {
		at := strings.LastIndex(pair, " ")
		m[pair[:at]] = pair[at+1:]
	}
	return m
}

// view returns a key as the administrator looks at it.
func (s *scenario) view(ctx context.Context, name string) (dsmwire.KeyDetail, error) {
	k, err := s.key(ctx, name)
	if err != nil {
		return dsmwire.KeyDetail{}, err
	}
	return s.admin.KeyDetail(ctx, k.KID)
}

func (s *scenario) viewShowsHSM(ctx context.Context, name, group, state string) error {
	v, err := s.view(ctx, name)
	if err != nil {
		return err
	}
	v.Group.GroupID, v.Group.State = "", strings.ToLower(v.Group.State)
	return expect("group", v.Group, dsmwire.KeyGroup{Name: group, HSM: true, Kind: "Softhsm", State: state})
}

func (s *scenario) viewShowsOrdinary(ctx context.Context, name, group string) error {
	v, err := s.view(ctx, name)
	if err != nil {
		return err
	}
	v.Group.GroupID = ""
	return expect("group", v.Group, dsmwire.KeyGroup{Name: group})
}

func (s *scenario) viewShowsMaker(ctx context.Context, name, kind, maker string) error {
	v, err := s.view(ctx, name)
	if err != nil {
		return err
	}
	kinds := map[string]string{"group": "group", "application": "app"}
	return errors.Join(expect("maker", v.CreatedBy.Name, maker), expect("kind of maker", v.CreatedBy.Kind, kinds[kind]))
}

func (s *scenario) attributesAre(ctx context.Context, kind, name, list string) error {
	v, err := s.view(ctx, name)
	if err != nil {
		return err
	}
	got := map[string]map[string]string{"PKCS#11": v.Attributes.PKCS11, "CNG": v.Attributes.CNG, "custom": v.Attributes.Custom}[kind]
	var errs []error
	for attribute, want := range pairs(list) {
		errs = append(errs, expect(attribute, got[attribute], want))
	}
	return errors.Join(errs...)
}

func (s *scenario) looksForAttribute(ctx context.Context, kind, name, value string) error {
	field := map[string]string{"PKCS#11": "pkcs11.", "CNG": "cng.", "custom": "custom_attributes."}[kind] + name
	return s.lists(ctx, dsmclient.KeyQuery{Filter: fmt.Sprintf(`{%q:{"$eq":%q}}`, field, value)})
}
