package cli

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// tool is what a verb works with.
type tool struct {
	World

	flags    *Globals
	explicit map[string]bool // flags that stand on the command line
}

// show writes what a person reads or, with --json, the reply. What may hold
// secrets that nobody asked for must not be given.
func (t *tool) show(reply any, human func(io.Writer) error) error {
	if !t.flags.JSON {
		return human(t.Stdout)
	}
	e := json.NewEncoder(t.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(reply)
}

// showID writes an id alone, for scripts, or the reply.
func (t *tool) showID(id string, reply any) error {
	return t.show(reply, func(w io.Writer) error {
		_, err := io.WriteString(w, id+"\n")
		return err
	})
}

// public is a key without what is secret in it.
func public(k dsmwire.Sobject) dsmwire.Sobject {
	k.Value, k.TransientKey = dsmwire.SecretBytes{}, dsmwire.SecretBytes{}
	return k
}

// confirm asks a person, if there is one, whether to go on.
func (t *tool) confirm(question string) error {
	if t.Answer == nil {
		return nil
	}
	answer, err := t.Answer(question + " [y/N] ")
	if err != nil {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return fault.New(fault.Invalid, "nothing was done")
	}
	return nil
}

// groupID returns the id of a group that is given by its id or its name; of
// none for the empty name.
func groupID(ctx context.Context, c *dsmclient.Client, given string) (string, error) {
	if given == "" || isUUID(given) {
		return given, nil
	}
	all, err := c.Groups(ctx)
	if err != nil {
		return "", err
	}
	for _, g := range all {
		if g.Name == given {
			return g.GroupID, nil
		}
	}
	return "", fault.New(fault.NotFound, "there is no group of this name")
}

// isUUID reports whether s has the form of an id.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (r == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}

func ptr[T any](v T) *T { return &v }

// given returns a pointer to what was given, or nil.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
