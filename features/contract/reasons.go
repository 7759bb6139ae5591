package contract

import (
	"encoding/base64"
	"errors"
	"net/mail"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"gatehouse/core/id"
)

// reasons tells what is wrong and where, innermost first, but never the value,
// which may be confidential.
func reasons(err error) []string {
	var below []string
	var several openapi3.MultiError
	switch e := err.(type) { //nolint:errorlint // the tree is walked node by node
	case nil:
		return nil
	case *openapi3.SchemaError:
		for _, r := range reasons(e.Unwrap()) {
			below = append(below, "/"+strings.Join(e.JSONPointer(), "/")+" → "+r)
		}
		if below == nil {
			below = []string{"/" + strings.Join(e.JSONPointer(), "/") + ": " + e.Reason}
		}
	case openapi3.MultiError:
		for _, one := range e {
			below = append(below, reasons(one)...)
		}
	default:
		if errors.As(err, &several) {
			return reasons(several)
		}
		if under := errors.Unwrap(err); under != nil {
			return reasons(under)
		}
		below = []string{err.Error()}
	}
	return below
}

// formats adds the document's formats, without which a text that is no id would
// match an id, too.
func formats(options ...openapi3.SchemaValidationOption) []openapi3.SchemaValidationOption {
	for name, check := range map[string]func(string) error{
		"uuid": func(s string) error {
			if !id.Valid(s) {
				return errors.New("not a UUID in lower case")
			}
			return nil
		},
		"byte": func(s string) error {
			_, err := base64.StdEncoding.Strict().DecodeString(s)
			return err
		},
		"email": func(s string) error {
			_, err := mail.ParseAddress(s)
			return err
		},
	} {
		options = append(options, openapi3.WithStringFormatValidator(name, openapi3.NewCallbackValidator(check)))
	}
	return append(options, openapi3.EnableFormatValidation())
}
