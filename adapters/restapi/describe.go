package restapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// description is the head of the OpenAPI document, served as /openapi.json.
func description(version string) huma.Config {
	c := huma.DefaultConfig("Gatehouse", version)
	c.Info.Description = "Key management: the DSM REST API, and Gatehouse's own calls under /gatehouse/v1/. Binary is standard base64."
	c.DocsPath, c.SchemasPath = "", ""
	c.CreateHooks = nil // no $schema in replies
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"basic":  {Type: "http", Scheme: "basic", Description: "An app's id and secret (its API key is the base64 of both), or a user's e-mail address and password"},
		"bearer": {Type: "http", Scheme: "bearer", Description: "The access_token of a session"},
	}
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	describeWire(c.Components.Schemas)
	return c
}

// describe adds e to the OpenAPI document.
func describe[B, R any](api huma.API, e endpoint[B, R]) {
	doc := api.OpenAPI()
	op := &huma.Operation{
		OperationID: e.ID, Method: e.Method, Path: e.Path, Summary: e.Summary, Tags: []string{e.Tag},
		Responses: map[string]*huma.Response{
			strconv.Itoa(e.Status): {Description: http.StatusText(e.Status), Content: content(doc, reflect.TypeFor[R](), e.ID+"Reply")},
			"default":              {Description: "A refusal, as one line of plain text", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}},
		},
	}
	if !e.Open {
		op.Security = []map[string][]string{{"basic": {}}, {"bearer": {}}}
	}
	if body := content(doc, reflect.TypeFor[B](), e.ID+"Request"); body != nil {
		op.RequestBody = &huma.RequestBody{Required: !e.Optional, Content: body}
	}
	for segment := range strings.SplitSeq(e.Path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: strings.TrimSuffix(name, "}"), In: "path", Required: true, Schema: &huma.Schema{Type: "string"},
			})
		}
	}
	for _, q := range e.Query {
		if q.Type == "" {
			q.Type = "string"
		}
		op.Parameters = append(op.Parameters, &huma.Param{Name: q.Name, In: "query", Description: q.Doc, Schema: &huma.Schema{Type: q.Type}})
	}
	doc.AddOperation(op)
}

// content is the JSON content of a body of type t; nil for none.
func content(doc *huma.OpenAPI, t reflect.Type, hint string) map[string]*huma.MediaType {
	if t == reflect.TypeFor[none]() {
		return nil
	}
	return map[string]*huma.MediaType{"application/json": {Schema: doc.Components.Schemas.Schema(t, true, hint)}}
}
