package tour

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

// Next returns commands to try by hand; each works as it is. It writes files
// with the credentials for curl, which so are no arguments that others could see.
func (t *Tour) Next() ([]Command, error) {
	s, token := t.lab.Service, t.lab.Token
	admin, err := t.curlFile("admin.curl", "user = "+strconv.Quote(s.Email+":"+s.Password))
	if err != nil {
		return nil, err
	}
	app, err := t.curlFile("app.curl", "header = "+strconv.Quote("Authorization: Basic "+t.shownKey()))
	if err != nil {
		return nil, err
	}
	var quoted []string
	for _, variable := range token.Env {
		quoted = append(quoted, quote(variable))
	}
	curl := func(credential, path, body string) string {
		line := "curl -K " + quote(credential) + " --cacert " + quote(s.CA) + " " + quote(s.Endpoint+path)
		if body != "" {
			line += " \\\n    --json " + quote(body)
		}
		return line
	}
	return []Command{
		{"the first keys of the HSM", curl(app, "/crypto/v1/keys?limit=3&group_id="+t.hsm.GroupID, "")},
		{"sign with one of them", curl(app, "/crypto/v1/sign", `{"key":{"name":"`+estate.CodeSigning+`"},"hash_alg":"SHA256","data":"aGVsbG8K"}`)},
		{
			"make an AES key in the HSM",
			curl(app, "/crypto/v1/keys", `{"name":"my-key","obj_type":"AES","key_size":256,"group_id":"`+t.hsm.GroupID+`"}`),
		},
		{
			"see it there",
			"env " + strings.Join(quoted, " ") + " pkcs11-tool --module " + quote(token.Lib) + " \\\n    --token-label " + quote(token.Label) +
				" --login --pin " + quote(token.PIN) + " --list-objects --type secrkey --label my-key",
		},
		{"sync once more", curl(admin, "/sys/v1/groups/"+t.hsm.GroupID+"/hmg/scan", "{}")},
	}, nil
}

// curlFile writes a configuration file for curl with one credential.
func (t *Tour) curlFile(name, credential string) (path string, err error) {
	path = filepath.Join(t.lab.Dir, name)
	if err := os.WriteFile(path, []byte("silent\nshow-error\nfail-with-body\n"+credential+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing a credential for curl: %w", err)
	}
	return path, nil
}

// shownKey is the app's API key, for the screen: this service lives as long as
// the one who looks at it.
func (t *Tour) shownKey() string { return string(t.apiKey.Reveal(reveal.Permit{})) }

// quote quotes s for a shell, where it needs it.
func quote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/:._-=", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
