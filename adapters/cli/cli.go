package cli

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// World is what a run of the command line finds around it.
type World struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Home   string // folder of the session file

	// Ask asks a person for a secret without showing it, Answer for anything
	// else. Both are nil when there is nobody to ask.
	Ask    func(prompt string) (secret.Value, error)
	Answer func(prompt string) (string, error)

	Bars bool // whether progress is drawn on Stderr
}

// Exit codes.
const (
	Done    = 0
	Failed  = 1
	Misused = 2 // the command line was not understood
)

// Run reads args into grammar, which embeds a Grammar, runs the verb that was
// chosen, and returns the exit code. What is wrong is told on w.Stderr.
func Run(ctx context.Context, grammar interface{ Root() *Grammar }, args []string, w World, options ...kong.Option) int {
	t := &tool{World: w, flags: &grammar.Root().Globals}
	parser, err := New(grammar, append(options,
		kong.Writers(w.Stdout, w.Stderr), kong.Bind(t), kong.BindTo(ctx, (*context.Context)(nil)))...)
	if err != nil {
		return t.tell(err, Failed)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parse(parser, args)
	if err != nil {
		t.tell(err, Misused)
		help := parser.Model.Name
		if v := chosen(parser.Model, args); v != nil {
			help += " " + v.Name
		}
		fmt.Fprintf(t.Stderr, "    %s --help shows how.\n", help)
		return Misused
	}
	t.given(parsed)
	if err := parsed.Run(); err != nil {
		return t.tell(err, Failed)
	}
	return Done
}

// New returns the parser of grammar, with the examples in its help.
func New(grammar any, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(grammar, append([]kong.Option{
		kong.Name("gatehouse-cli"), kong.Description(description), titles,
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true}),
		kong.PostBuild(teach),
	}, options...)...)
}

func parse(parser *kong.Kong, args []string) (*kong.Context, error) {
	if err := alone(parser.Model, args); err != nil {
		return nil, err
	}
	return parser.Parse(args)
}

// chosen is the verb on a command line, if there is one.
func chosen(app *kong.Application, args []string) *kong.Node {
	for _, a := range args {
		if v := verbOf(app, a); v != nil {
			return v
		}
	}
	return nil
}

// alone refuses what stands on the command line without a flag before it: no
// verb takes such, and it may be a secret whose flag was forgotten, so that it
// is not shown.
func alone(app *kong.Application, args []string) error {
	var verb *kong.Node
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case strings.HasPrefix(arg, "-"):
			f := flagOf(app, verb, arg)
			if f == nil {
				return nil // told by the parser, with the nearest flag
			}
			if !f.IsBool() && !strings.Contains(arg, "=") {
				i++ // its value
			}
		case verb == nil:
			if verb = verbOf(app, arg); verb == nil {
				return nil // told by the parser, with the nearest verb
			}
		case len(verb.Positional) == 0:
			return fault.New(fault.Invalid, "%s takes no argument without a flag: the one after it is not shown here, in case it is secret", verb.Name)
		}
	}
	return nil
}

func verbOf(app *kong.Application, name string) *kong.Node {
	for _, n := range app.Children {
		if n.Name == name {
			return n
		}
		for _, a := range n.Aliases {
			if a == name {
				return n
			}
		}
	}
	return nil
}

// flagOf finds a flag by how it is given.
func flagOf(app *kong.Application, verb *kong.Node, arg string) *kong.Flag {
	name, _, _ := strings.Cut(arg, "=")
	flags := app.Flags
	if verb != nil {
		flags = append(flags[:len(flags):len(flags)], verb.Flags...)
	}
	for _, f := range flags {
		if name == "--"+f.Name || f.Short != 0 && name == "-"+string(f.Short) {
			return f
		}
		for _, a := range f.Aliases {
			if name == "--"+a {
				return f
			}
		}
	}
	return nil
}

// given notes which flags stand on the command line, and warns of secrets there.
func (t *tool) given(parsed *kong.Context) {
	t.explicit = map[string]bool{}
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Resolved {
			continue
		}
		t.explicit[p.Flag.Name] = true
		if p.Flag.Target.Type() == reflect.TypeFor[secretFlag]() {
			t.warn("--%s is seen by everybody on this machine while the command runs, and stays in the shell's history: %s",
				p.Flag.Name, safer(p.Flag))
		}
	}
}

// safer tells the better ways to give a secret.
func safer(f *kong.Flag) string {
	ways := []string{"use --" + f.Name + "-file"}
	if len(f.Tag.Envs) > 0 {
		ways = append(ways, "or set "+f.Tag.Envs[0])
	}
	return strings.Join(ways, ", ")
}

func (t *tool) warn(format string, args ...any) {
	fmt.Fprintf(t.Stderr, "[W] "+format+"\n", args...)
}
