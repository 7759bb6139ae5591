package contract

import "strings"

// ownCalls are calls that the document does not have, with the reason why they
// are there. {…} stands for any segment.
var ownCalls = []struct{ method, path, reason string }{
	{"", "/gatehouse/v1/...", "Gatehouse's own calls have a path of their own"},
	{"", "/docs", "the page that shows the API"},
	{"", "/docs/...", "the page that shows the API"},
	{"GET", "/openapi.json", "Gatehouse's own description"},
	{"GET", "/crypto/v1/keys/{kid}", "public clients still use the form of older versions"},
	{"GET", "/crypto/v1/keys/{kid}/export", "public clients still use the form of older versions"},
	{"POST", "/crypto/v1/keys/{kid}/encrypt", "public clients still use the form of older versions"},
	{"POST", "/crypto/v1/keys/{kid}/decrypt", "public clients still use the form of older versions"},
	{"POST", "/crypto/v1/keys/{kid}/derive", "public clients still use the form of older versions"},
	{"POST", "/crypto/v1/keys/{kid}/mac", "public clients still use the form of older versions"},
	{"POST", "/crypto/v1/keys/{kid}/macverify", "public clients still use the form of older versions"},
}

// ownKinds are values that the document's enumerations do not have, with a
// value that has the same shape in the document, and the reason.
var ownKinds = map[string]struct{ like, reason string }{
	"Softhsm": {"Safenet", "SoftHSM is for laboratories; the API has no kind for it"},
}

func ownCall(method, path string) bool {
	for _, own := range ownCalls {
		if own.method != "" && own.method != method {
			continue
		}
		if below, ok := strings.CutSuffix(own.path, "..."); ok {
			if strings.HasPrefix(path, below) {
				return true
			}
			continue
		}
		want, got := segments(own.path), segments(path)
		match := len(want) == len(got)
		for i := range want {
			match = match && (strings.HasPrefix(want[i], "{") || want[i] == got[i])
		}
		if match {
			return true
		}
	}
	return false
}

// withoutAdditions returns value with our own kinds of connections replaced by
// those they are like. Additional fields need nothing: the document lets
// clients ignore them.
func withoutAdditions(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = withoutAdditions(v[i])
		}
	case map[string]any:
		for name, field := range v {
			if kind, ok := field.(string); ok && name == "kind" && ownKinds[kind].like != "" {
				v[name] = ownKinds[kind].like
				continue
			}
			v[name] = withoutAdditions(field)
		}
	}
	return value
}
