// Package reference writes the page about the command line, docs/cli.md, from
// the structs that its parser is made of.
//
// It is used by the test that holds the page to the code. It only reads what it
// is given.
package reference

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"gatehouse/adapters/cli"
)

// head is what no struct tells.
const head = `# The command line

<!-- Made from adapters/cli by its test: go test ./adapters/cli/reference -update -->

` + "`gatehouse-cli`" + ` works on the service through its REST API. Its verbs, flags and variables are those of the
vendor's tool where that has them. ` + "`gatehouse-cli VERB --help`" + ` shows what is below, with examples.

## Sessions

A login keeps the session's token in ` + "`~/.gatehouse-token`" + ` (` + "`--token-file`, `GATEHOUSE_TOKEN_FILE`" + `), beside the
address of the service, the CA and the proxy, so that later commands need none of them:

` + "```" + `
user-token=…  app-token=…  cert-path=…  key-path=…  end-point=…  proxy=…  ca-cert=…
` + "```" + `

one on each line, as the vendor's tool keeps them in ` + "`~/.token`" + `. The file has mode 0600; one that others can read is
refused. A session lives ten minutes, and is extended while it is used. It is never shown to another address than the one it was opened at. A user and an app may be logged in at
once: keys are used as the app, groups, apps and users are administered as the user; ` + "`--prefer-user-auth`" + ` and
` + "`--prefer-app-auth`" + ` say otherwise. Without a session an app works by its API key alone.

## Secrets

Passwords, API keys and PINs are asked for at the terminal without being shown, or come from a file (` + "`--…-file FILE`" + `,
` + "`-`" + ` is the standard input) or a variable. On the command line everybody on the machine can read them: that is possible
for some, as the vendor's tool has it, and warned of. Secrets are written only by the verbs whose purpose that is:
` + "`export-object`, `get-app-api-key`, `regenerate-app-api-key`, `create-key --transient`, `decrypt`, `decrypt-update`, `decrypt-final`, `batch-decrypt`, `random`" + `,
and ` + "`task-result --out`" + `. Files are made for their owner alone. ` + "`--debug-http`" + ` shows requests and replies without secrets.

## Exit codes and errors

| code | meaning |
| --- | --- |
| 0 | what was asked was done; of ` + "`verify`, `hmac-verify`, `batch-verify`" + `: the signature is good |
| 1 | it was not done, or not wholly; of the verifications: the signature is not good |
| 2 | the command line was not understood; nothing was done |
| 130 | it was interrupted |

Errors are lines on the standard error that begin with ` + "`[E]`" + `, warnings begin with ` + "`[W]`" + `. Tables are for people and may
change; ` + "`--json`" + ` is what the service has answered.

## Completion

` + "```" + `
source <(gatehouse-cli completion bash)                          # bash; packages install it
gatehouse-cli completion zsh >"${fpath[1]}/_gatehouse-cli"       # zsh
gatehouse-cli completion fish >~/.config/fish/completions/gatehouse-cli.fish
` + "```" + `
`

// Markdown writes the page.
func Markdown(w io.Writer, app *kong.Application) error {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("\n## Flags of every verb\n\n")
	flags(&b, app.Flags)
	group := ""
	for _, n := range app.Leaves(true) {
		if n.Group != nil && n.Group.Title != group {
			group = n.Group.Title
			fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(group, ":"))
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s", n.Name, n.Help)
		if len(n.Aliases) > 0 {
			fmt.Fprintf(&b, " Also called %s.", strings.Join(n.Aliases, ", "))
		}
		b.WriteString("\n\n```\n" + strings.Join(cli.Examples(n.Name), "\n") + "\n```\n")
		if len(n.Flags) > 0 || len(n.Positional) > 0 {
			b.WriteString("\n")
			flags(&b, n.Flags, n.Positional...)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// flags writes a table of flags.
func flags(b *strings.Builder, all []*kong.Flag, positional ...*kong.Positional) {
	b.WriteString("| flag | meaning |\n| --- | --- |\n")
	for _, p := range positional {
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ToUpper(p.Name), cell(p.Help))
	}
	for _, f := range all {
		if f.Hidden || f.Name == "help" {
			continue
		}
		name := "--" + f.Name
		if !f.IsBool() {
			name += " " + f.FormatPlaceHolder()
		}
		if f.Short != 0 {
			name = "-" + string(f.Short) + ", " + name
		}
		text := cell(f.Help)
		switch {
		case len(f.Xor) > 0 && f.Required:
			text += " One of these is needed."
		case f.Required:
			text += " Needed."
		case f.HasDefault && f.Default != "":
			text += " Unless given: " + f.Default + "."
		}
		if len(f.Tag.Envs) > 0 {
			text += " Variable: `" + strings.Join(f.Tag.Envs, "`, `") + "`."
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(name, "|", `\|`), text)
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
