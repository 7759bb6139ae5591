// Package contract holds every reply of the REST API against the published
// OpenAPI document of the API that Gatehouse follows.
//
// The document declares the bodies of success; it declares no refusals, which
// clients of the API know as a line of plain text. A Contract collects what
// does not agree, and what it saw, so that a run can tell both. Gatehouse's own
// additions are let through by the list in exemptions.go, and by nothing else.
// It is used by the feature run over REST, and by the REST adapter's tests.
// Safe for concurrent use.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// Contract is the document and what was found so far.
type Contract struct {
	routes []route

	mu         sync.Mutex
	checked    map[string]int
	violations map[string]int
}

// route is one operation of the document.
type route struct {
	method   string
	segments []string // of the path; {…} matches any
	path     string
	op       *openapi3.Operation
}

// ErrNoDocument tells that the document is not on this machine. It is not part
// of the project; whoever gets this error says that the check was left out.
var ErrNoDocument = errors.New("the published OpenAPI document is not here")

// Find looks for the document beside the repository that root is in.
func Find(root string) (path string, err error) {
	path = filepath.Join(root, "..", "shared", "reference", "dsm-openapi-5.8.json")
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w (%s)", ErrNoDocument, path)
		}
		return "", err
	}
	return path, nil
}

// Load reads the document.
func Load(path string) (*Contract, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	if raw, err = json.Marshal(anyOf(tree)); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	c := &Contract{checked: map[string]int{}, violations: map[string]int{}}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			c.routes = append(c.routes, route{method: method, path: path, segments: segments(path), op: op})
		}
	}
	if len(c.routes) == 0 {
		return nil, errors.New("the OpenAPI document holds no operations")
	}
	return c, nil
}

// anyOf lets any alternative of an untagged union do. The document asks for
// exactly one, and yet has alternatives that overlap, one of them {}.
func anyOf(tree any) any {
	switch t := tree.(type) {
	case map[string]any:
		for name, below := range t {
			t[name] = anyOf(below)
		}
		if union, ok := t["oneOf"]; ok && t["discriminator"] == nil {
			delete(t, "oneOf")
			t["anyOf"] = union
		}
	case []any:
		for i, below := range t {
			t[i] = anyOf(below)
		}
	}
	return tree
}

// Fresh returns a contract of the same document that has found nothing yet.
func (c *Contract) Fresh() *Contract {
	return &Contract{routes: c.routes, checked: map[string]int{}, violations: map[string]int{}}
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// find returns the operation for a request: of several, the one with the fewest
// variable segments.
func (c *Contract) find(method, path string) *route {
	given := segments(path)
	var best *route
	variables := 0
	for i := range c.routes {
		r := &c.routes[i]
		if r.method != method || len(r.segments) != len(given) {
			continue
		}
		n, match := 0, true
		for j, s := range r.segments {
			switch {
			case strings.HasPrefix(s, "{"):
				n++
			case s != given[j]:
				match = false
			}
		}
		if match && (best == nil || n < variables) {
			best, variables = r, n
		}
	}
	return best
}

// Check holds one reply against the document.
func (c *Contract) Check(method, path string, status int, header http.Header, body []byte) {
	r := c.find(method, path)
	name := method + " " + path
	if r != nil {
		name = method + " " + r.path
	}
	problem := ""
	switch {
	case status >= http.StatusMultipleChoices:
		problem = checkRefusal(header, body)
	case r == nil:
		if !ownCall(method, path) {
			problem = "the document has no such call"
		}
	default:
		problem = checkSuccess(r.op, status, header, body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked[name]++
	if problem != "" {
		c.violations[fmt.Sprintf("%s: %d: %s", name, status, problem)]++
	}
}

// checkRefusal reports what is wrong with a refusal: clients show its body as it is.
func checkRefusal(header http.Header, body []byte) string {
	switch {
	case !strings.HasPrefix(header.Get("Content-Type"), "text/plain"):
		return "a refusal is not plain text"
	case len(strings.TrimSpace(string(body))) == 0:
		return "a refusal says nothing"
	default:
		return ""
	}
}

func checkSuccess(op *openapi3.Operation, status int, header http.Header, body []byte) string {
	declared := op.Responses.Status(status)
	if declared == nil {
		declared = op.Responses.Value("2XX")
	}
	if declared == nil || declared.Value == nil {
		return "the document has no such status"
	}
	media := declared.Value.Content.Get("application/json")
	if media == nil {
		if len(body) != 0 {
			return "the document wants no body"
		}
		return ""
	}
	if !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		return "the body is not declared as JSON"
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return "the body is not JSON"
	}
	err := media.Schema.Value.VisitJSON(withoutAdditions(value), formats(openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails())...)
	return strings.Join(slices.Compact(reasons(err)), "; ")
}

// Violations lists what did not agree, each with how often.
func (c *Contract) Violations() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return counted(c.violations)
}

// Checked lists the calls whose replies were seen, each with how often.
func (c *Contract) Checked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return counted(c.checked)
}

func counted(m map[string]int) []string {
	lines := make([]string, 0, len(m))
	for text, n := range m {
		lines = append(lines, fmt.Sprintf("%s (%d×)", text, n))
	}
	slices.Sort(lines)
	return lines
}
