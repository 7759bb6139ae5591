package tour

import (
	"fmt"
	"strings"

	"gatehouse/core/secret/reveal"
	"gatehouse/simulators/lab/estate"
)

// Command is something to try, for a shell.
type Command struct {
	What string
	Line string
}

// Facts are the things that one needs to go on by hand, in pairs of name and value.
func (t *Tour) Facts() [][2]string {
	s, token := t.lab.Service, t.lab.Token
	return [][2]string{
		{"address", s.Endpoint + "  (the API is described at " + s.Endpoint + "/docs)"},
		{"certificate", s.CA},
		{"administrator", s.Email},
		{"password", s.Password},
		{"app's API key", t.shownKey()},
		{"token", fmt.Sprintf("%q in slot %d, PIN %s", token.Label, token.Slot, token.PIN)},
		{"logs", s.Log + "\n" + t.lab.Gateway.Log},
	}
}

// Next are commands to try by hand; each works as it is.
func (t *Tour) Next() []Command {
	s, token := t.lab.Service, t.lab.Token
	curl := func(who, path, body string) string {
		line := "curl -sS --fail-with-body --cacert " + quote(s.CA) + " " + who + " " + quote(s.Endpoint+path)
		if body != "" {
			line += " --json " + quote(body)
		}
		return line
	}
	admin := "-u " + quote(s.Email+":"+s.Password)
	app := "-H " + quote("Authorization: Basic "+t.shownKey())
	return []Command{
		{"the first keys of the HSM", curl(app, "/crypto/v1/keys?limit=3&group_id="+t.hsm.GroupID, "")},
		{"sign with one of them", curl(app, "/crypto/v1/sign", `{"key":{"name":"`+estate.CodeSigning+`"},"hash_alg":"SHA256","data":"aGVsbG8K"}`)},
		{
			"make an AES key in the HSM",
			curl(app, "/crypto/v1/keys", `{"name":"my-key","obj_type":"AES","key_size":256,"group_id":"`+t.hsm.GroupID+`"}`),
		},
		{
			"see it there",
			strings.Join(token.Env, " ") + " pkcs11-tool --module " + quote(token.Lib) + " --token-label " + quote(token.Label) +
				" --login --pin " + quote(token.PIN) + " --list-objects --type secrkey --label my-key",
		},
		{"sync once more", curl(admin, "/sys/v1/groups/"+t.hsm.GroupID+"/hmg/scan", "{}")},
	}
}

// shownKey is the app's API key, for the screen: this service lives as long as
// the one who looks at it.
func (t *Tour) shownKey() string { return string(t.apiKey.Reveal(reveal.Permit{})) }

// quote quotes s for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
