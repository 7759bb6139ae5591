package dsmclient

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"

	"gatehouse/adapters/dsmwire"
)

const keysPath = "/crypto/v1/keys"

// ByID names a key by its id.
func ByID(kid string) dsmwire.SobjectDescriptor { return dsmwire.SobjectDescriptor{KID: kid} }

// ByName names a key by its name.
func ByName(name string) dsmwire.SobjectDescriptor { return dsmwire.SobjectDescriptor{Name: name} }

// Generate makes a key; in an HSM group, in the HSM.
func (c *Client) Generate(ctx context.Context, r dsmwire.SobjectRequest) (dsmwire.Sobject, error) {
	return send[dsmwire.Sobject](ctx, c, request{method: http.MethodPost, path: keysPath, body: r})
}

// Import takes a key in: r.Value holds it.
func (c *Client) Import(ctx context.Context, r dsmwire.SobjectRequest) (dsmwire.Sobject, error) {
	return send[dsmwire.Sobject](ctx, c, request{method: http.MethodPut, path: keysPath, body: r})
}

// Key returns a key. fault.NotFound when there is none, or none to be known of.
func (c *Client) Key(ctx context.Context, d dsmwire.SobjectDescriptor) (dsmwire.Sobject, error) {
	return send[dsmwire.Sobject](ctx, c, request{method: http.MethodPost, path: keysPath + "/info", body: d})
}

// Export returns a key with its value.
func (c *Client) Export(ctx context.Context, d dsmwire.SobjectDescriptor) (dsmwire.Sobject, error) {
	return send[dsmwire.Sobject](ctx, c, request{method: http.MethodPost, path: keysPath + "/export", body: d})
}

// UpdateKey changes what r gives of a key.
func (c *Client) UpdateKey(ctx context.Context, kid string, r dsmwire.SobjectRequest) (dsmwire.Sobject, error) {
	return send[dsmwire.Sobject](ctx, c, request{method: http.MethodPatch, path: below(keysPath, kid), body: r})
}

// DeleteKey deletes a key.
func (c *Client) DeleteKey(ctx context.Context, kid string) error {
	_, err := send[none](ctx, c, request{method: http.MethodDelete, path: below(keysPath, kid)})
	return err
}

// KCV returns the key check value of a symmetric key, in hex.
func (c *Client) KCV(ctx context.Context, d dsmwire.SobjectDescriptor) (string, error) {
	r, err := send[dsmwire.KCVResponse](ctx, c, request{
		method: http.MethodPost, path: keysPath + "/kcv", body: dsmwire.KCVRequest{SobjectDescriptor: d},
	})
	return r.KCV, err
}

// KeyQuery selects keys. Zero fields select everything.
type KeyQuery struct {
	GroupID  string
	Creator  string
	Name     string
	ObjType  string
	Label    *string // CKA_LABEL; nil or empty: any
	CKAID    []byte  // CKA_ID; empty: any
	Metadata map[string]string
	Filter   string // a filter expression of the API, in JSON
	Sort     string // kid:asc, kid:desc, name:asc, name:desc
	Start    string // what follows this kid or name
	Limit    int    // 0: the service's default, 1000
	Offset   int

	ShowDestroyed, ShowDeleted bool
	ShowAll                    bool // say that public keys and check values are wanted, whatever the service's default
}

func (q KeyQuery) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("group_id", q.GroupID)
	set("creator", q.Creator)
	set("name", q.Name)
	set("obj_type", q.ObjType)
	set("filter", q.Filter)
	set("sort", q.Sort)
	set("start", q.Start)
	if q.Label != nil {
		v.Set("pkcs11_label", *q.Label)
	}
	if q.CKAID != nil {
		v.Set("pkcs11_id", base64.StdEncoding.EncodeToString(q.CKAID))
	}
	for name, value := range q.Metadata {
		v.Set("custom_metadata."+name, value)
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Offset != 0 {
		v.Set("offset", strconv.Itoa(q.Offset))
	}
	if q.ShowDestroyed {
		v.Set("show_destroyed", "true")
	}
	if q.ShowAll {
		v.Set("show_pub_key", "true")
		v.Set("show_kcv", "true")
	}
	if q.ShowDeleted {
		v.Set("show_deleted", "true")
	}
	return v
}

// Keys returns the keys that q selects, up to its limit.
func (c *Client) Keys(ctx context.Context, q KeyQuery) ([]dsmwire.Sobject, error) {
	return send[[]dsmwire.Sobject](ctx, c, request{method: http.MethodGet, path: keysPath, query: q.values()})
}

// KeyPage is Keys with the counts of all keys and of those that q selects.
func (c *Client) KeyPage(ctx context.Context, q KeyQuery) (dsmwire.SobjectPage, error) {
	v := q.values()
	v.Set("with_metadata", "true")
	return send[dsmwire.SobjectPage](ctx, c, request{method: http.MethodGet, path: keysPath, query: v})
}

// AllKeys calls yield with every key that q selects, page by page in the order
// of their ids. It stops at the first error, which it returns.
func (c *Client) AllKeys(ctx context.Context, q KeyQuery, yield func(dsmwire.Sobject) error) error {
	q.Sort, q.Start, q.Offset, q.Limit = "kid:asc", "", 0, 1000
	for {
		page, err := c.Keys(ctx, q)
		if err != nil {
			return err
		}
		for _, k := range page {
			if err := yield(k); err != nil {
				return err
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		q.Start = page[len(page)-1].KID
	}
}

// below returns the path of one thing in a collection.
func below(path string, segments ...string) string {
	for _, s := range segments {
		path += "/" + url.PathEscape(s)
	}
	return path
}
