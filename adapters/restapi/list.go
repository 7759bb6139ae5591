package restapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/filter"
)

// The parameters of lists.
var (
	limitParam  = param{Name: "limit", Doc: "most items to return", Type: "integer"}
	offsetParam = param{Name: "offset", Doc: "items to skip", Type: "integer"}
	tokenParam  = param{Name: "continuation_token", Doc: "where to go on; given, even empty, the reply is an object with metadata"}
	filterParam = param{Name: "filter", Doc: `only what this expression lets through, as {"name":{"$text":{"$search":"pay"}}}`}
)

// maxList bounds the limit of a list, and is what a list without one returns at most.
const maxList = 100_000

// sorting says how a list of T can be ordered; without a wish it is by creation.
type sorting[T any] struct {
	param   string // the query's parameter
	fields  map[string]sortField[T]
	created func(T) time.Time
	id      func(T) string
	filter  filter.Fields[T] // what filter can name; none: it is refused
}

// sortField is one field to sort by.
type sortField[T any] struct {
	key   func(T) string
	start string // the query's parameter that tells the value to begin after
}

// page is the part of a list that a query asks for.
type page[T any] struct {
	key           func(T) string
	id            func(T) string
	descending    bool
	after         string // begin after this key
	position      string // begin after this key and id: a continuation
	limit, offset int
	described     bool // the reply has metadata
	filter        filter.Filter[T]
}

// page reads the query.
func (o sorting[T]) page(q url.Values) (page[T], error) {
	p := page[T]{id: o.id, key: func(t T) string { return o.created(t).UTC().Format("20060102T150405.000000") }, limit: maxList}
	var err error
	if p.limit, err = queryInt(q, "limit", maxList); err != nil {
		return p, err
	}
	if p.offset, err = queryInt(q, "offset", 0); err != nil {
		return p, err
	}
	if f := q.Get(filterParam.Name); f != "" {
		if o.filter.Named == nil {
			return p, fault.New(fault.Unsupported, "filter is not supported for this list")
		}
		if p.filter, err = filter.Parse(f, o.filter); err != nil {
			return p, err
		}
	}
	if by := o.order(q); by != "" {
		name, direction, _ := strings.Cut(by, ":")
		field, known := o.fields[name]
		if !known || direction != "asc" && direction != "desc" && direction != "" {
			return p, fault.New(fault.Invalid, "%s is not an order that this list has", o.param)
		}
		p.key, p.descending, p.after = field.key, direction == "desc", q.Get(field.start)
	}
	if p.described = q.Has(tokenParam.Name); p.described && q.Get(tokenParam.Name) != "" {
		position, err := base64.RawURLEncoding.DecodeString(q.Get(tokenParam.Name))
		if err != nil || !strings.ContainsRune(string(position), 0) {
			return p, fault.New(fault.Invalid, "continuation_token is not one that this list gave")
		}
		p.position = string(position)
	}
	return p, nil
}

// order returns the order that the query asks for; one that only tells what to
// begin after means the field of that parameter, where it is the field's alone.
func (o sorting[T]) order(q url.Values) string {
	by := q.Get(o.param)
	for name, f := range o.fields {
		if by == "" && f.start != "start" && q.Get(f.start) != "" {
			return name
		}
	}
	return by
}

func (p page[T]) compare(a, b string) int {
	if p.descending {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// of returns the part of items, and the token to go on with if there are more.
func (p page[T]) of(items []T) (part []T, next string) {
	position := func(t T) string { return p.key(t) + "\x00" + p.id(t) }
	items = slices.DeleteFunc(slices.Clone(items), func(t T) bool {
		return p.after != "" && p.compare(p.key(t), p.after) <= 0 || p.position != "" && p.compare(position(t), p.position) <= 0
	})
	slices.SortFunc(items, func(a, b T) int { return p.compare(position(a), position(b)) })
	items = items[min(p.offset, len(items)):]
	if len(items) > p.limit {
		items = items[:p.limit]
		if p.limit > 0 {
			next = base64.RawURLEncoding.EncodeToString([]byte(position(items[p.limit-1])))
		}
	}
	return items, next
}

// listing is a list in either shape of the API: an array, or an object with
// items and metadata.
type listing[T any] struct {
	items    []T
	metadata *dsmwire.CollectionMetadata
}

// listingOf cuts the page out of all items and converts them.
func listingOf[T, R any](p page[T], all []T, convert func(T) R) listing[R] {
	all = filtered(all, p.filter.Match)
	part, next := p.of(all)
	l := listing[R]{items: mapped(part, convert)}
	if p.described {
		l.metadata = &dsmwire.CollectionMetadata{ContinuationToken: next, Count: len(all), CountAccuracy: dsmwire.Tag{Type: "Exact"}}
	}
	return l
}

// MarshalJSON writes the shape that was asked for.
func (l listing[T]) MarshalJSON() ([]byte, error) {
	if l.metadata == nil {
		return json.Marshal(l.items)
	}
	return json.Marshal(struct {
		Items    []T                         `json:"items"`
		Metadata *dsmwire.CollectionMetadata `json:"metadata"`
	}{l.items, l.metadata})
}

// Schema describes both shapes.
func (listing[T]) Schema(r huma.Registry) *huma.Schema {
	items := r.Schema(reflect.TypeFor[[]T](), true, "")
	return &huma.Schema{OneOf: []*huma.Schema{items, {
		Type: "object", Required: []string{"items", "metadata"},
		Properties: map[string]*huma.Schema{"items": items, "metadata": r.Schema(reflect.TypeFor[dsmwire.CollectionMetadata](), true, "")},
	}}}
}

// queryInt reads a parameter that counts; otherwise when it is absent.
func queryInt(q url.Values, name string, otherwise int) (int, error) {
	s := q.Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%s must be a whole number", name)
	}
	return int(min(n, maxList)), nil
}

// queryBool reads a parameter that is true or false; false when it is absent.
func queryBool(q url.Values, name string) (bool, error) {
	switch q.Get(name) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	default:
		return false, fault.New(fault.Invalid, "%s must be true or false", name)
	}
}

// queryID reads a parameter that is an id; empty when it is absent.
func queryID[T ~string](q url.Values, name string) (T, error) {
	if s := q.Get(name); s != "" {
		return parseID[T](s, name)
	}
	return "", nil
}
