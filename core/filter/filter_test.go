package filter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/core/fault"
	"gatehouse/core/filter"
)

// thing is what is filtered here.
type thing struct {
	name    string
	size    int
	at      time.Time
	enabled bool
	ops     []string
	tags    map[string]string
}

func fields() filter.Fields[thing] {
	return filter.Fields[thing]{
		Named: map[string]filter.Field[thing]{
			"name":    {Kind: filter.Text, Of: func(t thing) filter.Value { return filter.TextOf(t.name) }},
			"size":    {Kind: filter.Number, Of: func(t thing) filter.Value { return filter.NumberOf(t.size) }},
			"at":      {Kind: filter.Time, Of: func(t thing) filter.Value { return filter.TimeOf(t.at) }},
			"enabled": {Kind: filter.Flag, Of: func(t thing) filter.Value { return filter.FlagOf(t.enabled) }},
			"ops":     {Kind: filter.Words, Of: func(t thing) filter.Value { return filter.WordsOf(t.ops) }},
			"$cost":   {Kind: filter.Number, Of: func(t thing) filter.Value { return filter.NumberOf(t.size * 2) }},
		},
		Below: map[string]func(string) filter.Field[thing]{
			"tag.": func(name string) filter.Field[thing] {
				return filter.Field[thing]{Kind: filter.Text, Of: func(t thing) filter.Value { return filter.TextOf(t.tags[name]) }}
			},
		},
	}
}

func things() []thing {
	return []thing{
		{name: "alpha", size: 128, at: time.Unix(1000, 7), enabled: true, ops: []string{"SIGN", "VERIFY"}, tags: map[string]string{"team": "a.b"}},
		{name: "Beta", size: 256, at: time.Unix(2000, 0), ops: []string{"ENCRYPT"}},
		{name: "gamma", enabled: true},
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	const a, b, c = "alpha", "Beta", "gamma"
	for text, want := range map[string][]string{
		`{}`:                                                            {a, b, c},
		` {"name":{"$eq":"alpha"}} `:                                    {a},
		`{"name":"alpha"}`:                                              {a},
		`{"name":"ALPHA"}`:                                              {},
		`{"name":{"$ne":"alpha"}}`:                                      {b, c},
		`{"name":{"$text":{"$search":"ETA"}}}`:                          {b},
		`{"name":{"$text":{"$search":"a"}}}`:                            {a, b, c},
		`{"name":{"$lt":"a"}}`:                                          {b},
		`{"name":{"$in":["Beta","gamma","x"]}}`:                         {b, c},
		`{"name":{"$in":[]}}`:                                           {},
		`{"name":{"$nin":["Beta"]}}`:                                    {a, c},
		`{"size":256}`:                                                  {b},
		`{"size":{"$lte":256}}`:                                         {a, b},
		`{"size":{"$gte":"128","$lt":256}}`:                             {a},
		`{"size":{"$range":{"$gt":128,"$lte":256}}}`:                    {b},
		`{"size":{"$exists":false}}`:                                    {c},
		`{"size":{"$exists":"true"}}`:                                   {a, b},
		`{"size":{"$not":{"$gt":128}}}`:                                 {a, c},
		`{"size":{"$ne":256}}`:                                          {a, c},
		`{"size":{"$or":[128,{"$gt":200}]}}`:                            {a, b},
		`{"at":{"$lte":1000}}`:                                          {a},
		`{"at":{"$gt":"19700101T001640Z"}}`:                             {b},
		`{"at":{"$exists":false}}`:                                      {c},
		`{"enabled":{"$eq":"false"}}`:                                   {b},
		`{"enabled":true}`:                                              {a, c},
		`{"ops":"SIGN"}`:                                                {a},
		`{"ops":{"$ne":"SIGN"}}`:                                        {b, c},
		`{"ops":{"$in":["SIGN","ENCRYPT"]}}`:                            {a, b},
		`{"ops":{"$text":{"$search":"crypt"}}}`:                         {b},
		`{"ops":{"$any":{"$or":[{"$eq":"ENCRYPT"},{"$eq":"VERIFY"}]}}}`: {a, b},
		`{"ops":{"$all":{"$ne":"VERIFY"}}}`:                             {b, c},
		`{"ops":{"$exists":true}}`:                                      {a, b},
		`{"tag.team":"a.b"}`:                                            {a},
		`{"tag.team":{"$exists":false}}`:                                {b, c},
		`{"\\$cost":{"$gt":256}}`:                                       {b},
		`{"\\name":"Beta"}`:                                             {b},
		`{"$and":[{"size":256},{"enabled":{"$eq":"false"}}]}`:           {b},
		`{"size":256,"enabled":true}`:                                   {},
		`{"$or":[{"size":256},{"name":"gamma"}]}`:                       {b, c},
		`{"$not":{"$or":[{"size":256},{"name":"gamma"}]}}`:              {a},
		`{"$and":[{},{"$not":{}}]}`:                                     {},
		`{"$and":[{"at":{"$lt":2000}},{"at":{"$gte":2000}},{"name":{"$nin":[]}}]}`: {},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			f, err := filter.Parse(text, fields())
			if err != nil {
				t.Fatal(err)
			}
			names := []string{}
			for _, thing := range things() {
				if f.Match(thing) {
					names = append(names, thing.name)
				}
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("let through (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the zero filter lets everything through", func(t *testing.T) {
		t.Parallel()
		var f filter.Filter[thing]
		if !f.Match(thing{}) || !f.All() || f.String() != "{}" || f.Mentions("name") {
			t.Errorf("got a filter %s", f)
		}
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		``: "JSON", `null`: "object", `[]`: "object", `"marker"`: "object", `{"name":"marker"} {}`: "JSON", `{"name":"marker"`: "JSON", `{"name" "marker"}`: "JSON",
		`{"marker":1}`: "enabled, name, ops, size, tag.<name>", `{"tag.":"marker"}`: "field", `{"$marker":[]}`: "operator", `{"$eq":1}`: "operator",
		`{"name":{}}`: "operator", `{"name":{"marker":1}}`: "$nin", `{"name":{"$regex":"marker"}}`: "$nin", `{"name":{"$nor":["marker"]}}`: "$nin",
		`{"name":1}`: "text", `{"name":null}`: "text", `{"name":["marker"]}`: "text", `{"name":{"$in":"marker"}}`: "list", `{"name":{"$eq":{"$eq":"marker"}}}`: "text",
		`{"size":"marker"}`: "whole number", `{"size":1.5}`: "whole number", `{"size":99999999999999999999}`: "whole number",
		`{"at":"2026-11-22T15:04:05Z"}`: "1970", `{"enabled":"marker"}`: "true or false", `{"enabled":1}`: "true or false",
		`{"name":{"$text":"marker"}}`: "$search", `{"name":{"$text":{"$search":"marker","$language":"marker"}}}`: "$search", `{"size":{"$text":{"$search":"1"}}}`: "$text",
		`{"size":{"$range":{}}}`: "$range", `{"size":{"$range":{"$eq":1}}}`: "$range", `{"size":{"$range":[1,2]}}`: "$range",
		`{"name":{"$any":"marker"}}`: "set", `{"name":{"$all":{"$eq":"marker"}}}`: "set", `{"name":{"$exists":"marker"}}`: "true or false",
		`{"$and":[]}`: "list", `{"$and":{}}`: "list", `{"$or":["marker"]}`: "object", `{"$not":[{}]}`: "object",
		`{"name":"marker","name":"marker"}`:                                            "twice",
		strings.Repeat(`{"$not":`, 30) + `{}` + strings.Repeat(`}`, 30):                "deeper",
		strings.Repeat(`[`, 10000):                                                     "deeper",
		`{"name":"` + strings.Repeat("marker", filter.MaxText) + `"}`:                  "longer",
		`{"name":{"$in":[` + strings.Repeat(`"m",`, filter.MaxParts+1) + `"marker"]}}`: "more than",
	} {
		t.Run(text[:min(len(text), 60)], func(t *testing.T) {
			t.Parallel()
			_, err := filter.Parse(text, fields())
			if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), why) {
				t.Fatalf("got %v, want an invalid request that says %q", err, why)
			}
			if strings.Contains(err.Error(), "marker") {
				t.Errorf("got %q, which repeats what was sent", err)
			}
		})
	}
}

func TestDemands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"name":"a"}`: "a", `{"size":1,"name":{"$eq":"a"}}`: "a", `{"$and":[{"size":1},{"$and":[{"name":"a"},{"size":2}]}]}`: "a",
		`{"name":{"$ne":"b","$eq":"a"}}`: "a", `{"$or":[{"name":"a"},{"size":1}]}`: "", `{"$not":{"name":"a"}}`: "", `{"name":{"$ne":"a"}}`: "", `{}`: "",
	} {
		f, err := filter.Parse(text, fields())
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Demands("name"); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
		if got := f.Mentions("size"); got != strings.Contains(text, "size") {
			t.Errorf("%s: mentions the size: %t", text, got)
		}
	}
}

// written draws a filter as a client may write it.
func written(t *rapid.T, depth int) string {
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	word := func() string {
		return quote(rapid.SampledFrom([]string{"alpha", "Beta", "", "SIGN", "é\"<", "a.b"}).Draw(t, "word"))
	}
	number := func() string {
		return fmt.Sprint(rapid.SampledFrom([]int{0, 128, 256, 1000, 2000, -1}).Draw(t, "number"))
	}
	compare := func() string {
		return rapid.SampledFrom([]string{"$eq", "$ne", "$lt", "$lte", "$gt", "$gte"}).Draw(t, "operator")
	}
	if depth > 0 && rapid.Bool().Draw(t, "logic") {
		switch rapid.IntRange(0, 2).Draw(t, "which") {
		case 0:
			return `{"$not":` + written(t, depth-1) + `}`
		case 1:
			return `{"$or":[` + written(t, depth-1) + `,` + written(t, depth-1) + `]}`
		default:
			return `{"$and":[` + written(t, depth-1) + `,` + written(t, depth-1) + `], "enabled":"true"}`
		}
	}
	switch rapid.IntRange(0, 7).Draw(t, "field") {
	case 0:
		return `{"name":` + word() + `}`
	case 1:
		return fmt.Sprintf(`{"size":{"%s":%s}, "at":{"$not":{"%s":%s}}}`, compare(), number(), compare(), number())
	case 2:
		return fmt.Sprintf(`{"name":{"$in":[%s,%s]}}`, word(), word())
	case 3:
		return fmt.Sprintf(`{"ops":{"$all":{"$or":[{"$ne":%s},%s]}}}`, word(), word())
	case 4:
		return fmt.Sprintf(`{"ops":{"$any":{"$text":{"$search":%s}}}}`, word())
	case 5:
		return fmt.Sprintf(`{"tag.team":{"$exists":%t}}`, rapid.Bool().Draw(t, "there"))
	case 6:
		return fmt.Sprintf(`{"at":{"$range":{"$gte":%s,"$lt":%s}}}`, number(), number())
	default:
		return `{}`
	}
}

func TestWrittenAgainIsTheSameFilter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := written(t, 2) // spelled out it stays within the limits
		f, err := filter.Parse(text, fields())
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := filter.Parse(f.String(), fields())
		if err != nil || again.String() != f.String() {
			t.Fatalf("%s: got %s and then %s, error %v", text, f, again, err)
		}
		negated, err := filter.Parse(`{"$not":`+text+`}`, fields())
		if err != nil {
			t.Fatal(err)
		}
		for _, thing := range things() {
			if f.Match(thing) != again.Match(thing) || f.Match(thing) == negated.Match(thing) {
				t.Errorf("%s: %s is let through: %t, written again %t, negated %t", text, thing.name, f.Match(thing), again.Match(thing), negated.Match(thing))
			}
		}
		if name := f.Demands("name"); name != "" && slices.ContainsFunc(things(), func(t thing) bool { return t.name != name && f.Match(t) }) {
			t.Errorf("%s: lets through what has another name than %q", text, name)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(`{"$and":[{"size":{"$gte":256}},{"ops":{"$any":{"$or":[{"$eq":"A"}]}}}]}`)
	f.Add(`{"\\$cost":{"$range":{"$lt":3}},"at":{"$nin":[1,"19700101T000000Z"]},"enabled":"true"}`)
	f.Add(`{"$not":{"name":{"$text":{"$search":"\ud800"}},"tag.x":{"$exists":false}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := filter.Parse(text, fields())
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("got %v, want an invalid request", err)
			}
			return
		}
		again, err := filter.Parse(parsed.String(), fields())
		if strings.Contains(fault.Message(err), "must not") {
			return // spelled out it is beyond a limit
		}
		if err != nil || again.String() != parsed.String() {
			t.Fatalf("got %s and then %s, error %v", parsed, again, err)
		}
		for _, thing := range things() {
			if parsed.Match(thing) != again.Match(thing) {
				t.Errorf("%s: %s is judged differently", parsed, thing.name)
			}
		}
	})
}
