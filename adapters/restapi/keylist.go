package restapi

import (
	"context"
	"encoding/base64"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// Limits of a list.
const (
	defaultLimit = 1000 // the API's
	maxLimit     = 10_000
)

var listParams = []param{
	{Name: "group_id", Doc: "Only keys of this group"},
	{Name: "creator", Doc: "Only keys made by this user or app, or found by a sync of this group"},
	{Name: "name", Doc: "Only the key of this name"},
	{Name: "pkcs11_label", Doc: "Only virtual keys with this CKA_LABEL"},
	{Name: "pkcs11_id", Doc: "Only virtual keys with this CKA_ID, in base64"},
	{Name: "obj_type", Doc: "Only keys of this type"},
	{Name: "custom_metadata.<name>", Doc: "Only keys with this value under <name> in custom_metadata"},
	{Name: "limit", Doc: "At most so many keys: 1000 unless given, 10000 at most", Type: "integer"},
	{Name: "offset", Doc: "Leave out so many keys", Type: "integer"},
	{Name: "sort", Doc: "kid:asc, kid:desc, name:asc or name:desc; by creation unless given"},
	{Name: "start", Doc: "Only what follows this kid, or this name when sorted by name"},
	{Name: "with_metadata", Doc: "Answer with an object of items and their counts", Type: "boolean"},
	{Name: "show_destroyed", Doc: "Also destroyed keys", Type: "boolean"},
	{Name: "show_deleted", Doc: "Also deleted keys", Type: "boolean"},
	{Name: "show_pub_key", Doc: "false leaves out public keys", Type: "boolean"},
	{Name: "show_value", Doc: "Ignored: a list shows no values", Type: "boolean"},
	{Name: "compliant_with_policies", Doc: "Only keys that comply with the policies of their group and account: all do", Type: "boolean"},
	{Name: "filter", Doc: `Only keys that this expression lets through, as {"$and":[{"obj_type":{"$eq":"AES"}},{"key_size":{"$gte":256}}]}`},
	{Name: "show_kcv", Doc: "false leaves out key check values", Type: "boolean"},
}

// keyList is a list in either of its two shapes.
type keyList struct {
	items    []dsmwire.Sobject
	metadata *dsmwire.PageMetadata
}

func encodeKeyList(dst []byte, l keyList) ([]byte, error) {
	if l.metadata == nil {
		return encodeJSON(dst, l.items)
	}
	return encodeJSON(dst, dsmwire.SobjectPage{Items: l.items, Metadata: *l.metadata})
}

// Schema describes both shapes.
func (keyList) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[[]dsmwire.Sobject](), true, ""), r.Schema(reflect.TypeFor[dsmwire.SobjectPage](), true, ""),
	}}
}

func (s *server) listKeys(ctx context.Context, c *call[none]) (keyList, error) {
	v := c.query()
	q, show, err := keyQuery(v)
	if err != nil {
		return keyList{}, err
	}
	if q.After, err = s.startKey(ctx, c.Caller, v.Get("start"), q.Order); err != nil {
		return keyList{}, err
	}
	if err := s.selectedBy(ctx, c.Caller, v.Get("filter"), &q); err != nil {
		return keyList{}, err
	}
	nothing := q.Limit == 0
	if nothing { // only the counts are wanted: no limit is what 0 means below
		q.Limit = 1
	}
	page, err := s.Keyring.List(ctx, c.Caller, q)
	if err != nil {
		return keyList{}, err
	}
	if nothing {
		page.Keys = nil
	}
	list := keyList{items: sobjects(page.Keys, show)}
	if q.Count {
		list.metadata = &dsmwire.PageMetadata{TotalCount: &page.Total, FilteredCount: &page.Filtered}
	}
	return list, nil
}

// keyQuery reads the query of a list. show_value is ignored: lists show no values.
func keyQuery(v url.Values) (store.KeyQuery, shown, error) {
	q := store.KeyQuery{Creator: v.Get("creator"), Name: v.Get("name"), Limit: defaultLimit}
	show := everything
	var err error
	var noted bool // of what is read and makes no difference
	if q.Group, err = queryID[id.Group](v, "group_id"); err != nil {
		return q, show, err
	}
	if t := v.Get("obj_type"); t != "" {
		if q.Type, err = keys.ParseType(t); err != nil {
			return q, show, err
		}
	}
	if l := v.Get("pkcs11_label"); l != "" {
		q.Label = []byte(l)
	}
	if v.Get("pkcs11_id") != "" {
		if q.CKAID, err = queryBase64(v.Get("pkcs11_id")); err != nil {
			return q, show, err
		}
	}
	for name, values := range v {
		if key, ok := strings.CutPrefix(name, "custom_metadata."); ok {
			if q.Metadata == nil {
				q.Metadata = map[string]string{}
			}
			q.Metadata[key] = values[0]
		}
	}
	switch o := store.KeyOrder(v.Get("sort")); o {
	case store.ByCreation, store.ByKIDAsc, store.ByKIDDesc, store.ByNameAsc, store.ByNameDesc:
		q.Order = o
	default:
		return q, show, fault.New(fault.Invalid, "sort must be kid:asc, kid:desc, name:asc or name:desc")
	}
	if q.Limit, err = queryNumber(v, "limit", defaultLimit, maxLimit); err != nil {
		return q, show, err
	}
	if q.Offset, err = queryNumber(v, "offset", 0, 1<<31-1); err != nil {
		return q, show, err
	}
	for _, b := range []struct {
		name string
		to   *bool
	}{
		{"with_metadata", &q.Count},
		{"show_destroyed", &q.ShowDestroyed},
		{"show_deleted", &q.ShowDeleted},
		{"show_pub_key", &show.publicKey},
		{"show_kcv", &show.kcv},
		{"show_value", &noted},
		{"compliant_with_policies", &noted},
	} {
		if !v.Has(b.name) {
			continue
		}
		if *b.to, err = queryBool(v, b.name); err != nil {
			return q, show, err
		}
	}
	return q, show, nil
}

func queryNumber(v url.Values, name string, otherwise, most int) (int, error) {
	s := v.Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n > uint64(most) {
		return 0, fault.New(fault.Invalid, "%s must be a number from 0 to %d", name, most)
	}
	return int(n), nil
}

// queryBase64 reads base64 in either alphabet; a plus sign that a client forgot
// to escape arrives as a blank.
func queryBase64(s string) ([]byte, error) {
	s = strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, fault.New(fault.Invalid, "pkcs11_id is not base64")
	}
	return b, nil
}
