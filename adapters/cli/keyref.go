package cli

import (
	"context"
	"encoding/json"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// storedKey names a key that the service stores.
type storedKey struct {
	KID  string `help:"UUID of the key." name:"kid" placeholder:"UUID" required:"" xor:"key"`
	Name string `help:"Name of the key." placeholder:"NAME" required:"" xor:"key"`
}

func (k storedKey) descriptor() dsmwire.SobjectDescriptor {
	return dsmwire.SobjectDescriptor{KID: k.KID, Name: k.Name}
}

// id returns the key's id, which some calls have in their path.
func (k storedKey) id(ctx context.Context, c *dsmclient.Client) (string, error) {
	if k.KID != "" {
		return k.KID, nil
	}
	found, err := c.Key(ctx, dsmclient.ByName(k.Name))
	return found.KID, err
}

// anyKey names a key that is used: stored, or transient.
type anyKey struct {
	KID              string     `help:"UUID of the key." name:"kid" placeholder:"UUID" required:"" xor:"key"`
	Name             string     `help:"Name of the key." placeholder:"NAME" required:"" xor:"key"`
	TransientKey     secretFlag `help:"A transient key, as create-key --transient has told it. Better in a file." name:"transient-key" placeholder:"TEXT" required:"" xor:"key"`
	TransientKeyFile string     `help:"File that holds a transient key." name:"transient-key-file" placeholder:"FILE" required:"" xor:"key"`
}

func (k anyKey) descriptor(t *tool) (dsmwire.SobjectDescriptor, error) {
	if k.KID != "" || k.Name != "" {
		return dsmwire.SobjectDescriptor{KID: k.KID, Name: k.Name}, nil
	}
	transient, err := t.transient(k.TransientKey, k.TransientKeyFile)
	return dsmwire.SobjectDescriptor{TransientKey: transient}, err
}

// transient reads a transient key, which is told in base64.
func (t *tool) transient(was secretFlag, file string) (dsmwire.SecretBytes, error) {
	text, err := t.secret(was, file, "transient-key", "Transient key")
	if err != nil {
		return dsmwire.SecretBytes{}, err
	}
	var b dsmwire.SecretBytes
	quoted, err := dsmwire.NewSecretText(text).MarshalJSON()
	if err == nil {
		err = b.UnmarshalJSON(quoted)
	}
	if err != nil {
		return b, fault.New(fault.Invalid, "a transient key is told in base64")
	}
	return b, nil
}

// algorithm returns what was given, or the type of the key.
func algorithm(ctx context.Context, c *dsmclient.Client, given string, key dsmwire.SobjectDescriptor) (string, error) {
	if given != "" {
		return strings.ToUpper(given), nil
	}
	if key.KID == "" && key.Name == "" {
		return "", fault.New(fault.Invalid, "--alg is needed with a transient key")
	}
	k, err := c.Key(ctx, key)
	return k.ObjType, err
}

// metadata reads custom metadata: a JSON object of strings.
func metadata(text string) (*map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	var m map[string]string
	if json.Unmarshal([]byte(text), &m) != nil || m == nil {
		return nil, fault.New(fault.Invalid, `--custom-metadata must be a JSON object of strings, as {"owner": "payments"}`)
	}
	return &m, nil
}

// Operations that keys get unless others are asked for.
var defaultOps = map[string][]string{
	"AES": symmetric, "DES": symmetric, "DES3": symmetric,
	"RSA":   {"SIGN", "VERIFY", "ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", manageable},
	"EC":    {"SIGN", "VERIFY", manageable},
	"HMAC":  {"MACGENERATE", "MACVERIFY", manageable},
	"MLDSA": {"SIGN", "VERIFY", manageable},
	"MLKEM": {"ENCAPSULATE", "DECAPSULATE", manageable},
}

var symmetric = []string{"ENCRYPT", "DECRYPT", "WRAPKEY", "UNWRAPKEY", "DERIVEKEY", manageable}

const (
	manageable = "APPMANAGEABLE"
	export     = "EXPORT"
)

// operations returns what a new key may do: what was asked for, or the usual of
// its type; nil leaves it to the service.
func operations(objType, curve, asked string, exportable bool) *[]string {
	ops := split(asked)
	if len(ops) == 0 {
		ops = append(ops, defaultOps[objType]...)
		if strings.HasPrefix(curve, "X") { // X25519 and X448 agree and do not sign
			ops = []string{"AGREEKEY", manageable}
		}
		if len(ops) == 0 && exportable {
			ops = []string{manageable}
		}
	}
	if exportable {
		ops = append(ops, export)
	}
	if len(ops) == 0 {
		return nil
	}
	return &ops
}

// split returns the words of a list with commas.
func split(list string) []string {
	var words []string
	for w := range strings.SplitSeq(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			words = append(words, w)
		}
	}
	return words
}
