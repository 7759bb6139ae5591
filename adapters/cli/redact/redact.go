// Package redact shows what travels over HTTP without the secrets in it.
//
// It guarantees that no Authorization header, cookie or field of a body that
// can hold a secret is shown, and nothing of a body that it cannot read as
// JSON. The command line uses it for --debug-http and for results of calls
// whose shape it does not know. Everything may be used at once.
package redact

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gatehouse/core/secret"
)

// secrets are the fields of bodies whose values are never shown: credentials
// and key material, and data that somebody had encrypted, decrypted or hidden
// in a session.
var secrets = map[string]bool{
	"access_key": true, "access_token": true, "api_key": true, "client_key": true, "client_secret": true, "cookie": true,
	"credential": true, "credentials": true, "current_password": true, "new_password": true, "old_password": true,
	"password": true, "pin": true, "plain": true, "private_key_pem": true, "random": true, "recovery_codes": true, "secret": true,
	"secret_key": true, "components": true, "transient_key": true, "user_password": true, "value": true,
}

// Secret reports whether the values of a field are never shown.
func Secret(field string) bool { return secrets[field] }

// JSON returns a body with placeholders for its secrets; of one that is not
// JSON, or several, only its length.
func JSON(body []byte) []byte {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return fmt.Appendf(nil, "[%d bytes that are not JSON]", len(body))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(hide(v)) != nil {
		return fmt.Appendf(nil, "[%d bytes]", len(body))
	}
	return bytes.TrimSpace(b.Bytes())
}

// hide replaces secrets in place and returns v.
func hide(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if Secret(name) && value != nil {
				v[name] = secret.Placeholder
			} else {
				v[name] = hide(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = hide(v[i])
		}
	}
	return v
}
