package opensc

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
)

// Object is an object as pkcs11-tool lists it.
type Object struct {
	Class hsm.Class
	Type  keys.Type // empty for objects that are no keys, and for types that Gatehouse does not hold
	ID    string    // CKA_ID in hex
	Label string    // CKA_LABEL, without blanks at its end
	Point string    // EC_POINT in hex, of a public key
}

// List returns what pkcs11-tool --list-objects shows.
func (t *Tool) List(ctx context.Context) ([]Object, error) {
	out, err := t.Run(ctx, "--list-objects")
	if err != nil {
		return nil, err
	}
	return parse(out)
}

var (
	// heading begins an object: "Secret Key Object; AES length 32".
	heading = regexp.MustCompile(`^(Secret Key|Private Key|Public Key|Certificate|Profile) Object; *(.*)$|^Data object \d+$`)
	field   = regexp.MustCompile(`^  (\w+): *(.*)$`)
)

var classes = map[string]hsm.Class{
	"Secret Key": hsm.SecretKey, "Private Key": hsm.PrivateKey, "Public Key": hsm.PublicKey,
	"Certificate": hsm.Certificate, "Profile": hsm.OtherClass, "": hsm.Data,
}

// types tells the key types by the first words of the heading.
var types = []struct {
	words string
	t     keys.Type
}{
	{"AES", keys.AES},
	{"DES3", keys.DES3},
	{"Generic secret", keys.HMAC},
	{"RSA", keys.RSA},
	{"EC", keys.EC}, // EC_EDWARDS too
}

func parse(out string) ([]Object, error) {
	var objects []Object
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			o := Object{Class: classes[m[1]]}
			for _, t := range types {
				if strings.HasPrefix(m[2], t.words) && o.Class != hsm.Certificate {
					o.Type = t.t
				}
			}
			objects = append(objects, o)
			continue
		}
		m := field.FindStringSubmatch(line)
		if m == nil || len(objects) == 0 {
			return nil, fmt.Errorf("pkcs11-tool lists something unknown: %q", line)
		}
		o := &objects[len(objects)-1]
		switch name, value := m[1], m[2]; name {
		case "label":
			o.Label = strings.TrimRight(value, " ")
			if o.Class == hsm.Data {
				o.Label = strings.TrimRight(strings.Trim(value, "'"), " ")
			}
		case "ID":
			if _, err := hex.DecodeString(value); err != nil {
				return nil, fmt.Errorf("pkcs11-tool lists a CKA_ID that is not hex: %q", value)
			}
			o.ID = value
		case "EC_POINT":
			o.Point = value
		}
	}
	return objects, nil
}
