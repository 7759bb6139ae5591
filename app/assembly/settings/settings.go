// Package settings reads the settings of a program from its arguments and its
// environment, and tells everything that is wrong with them at once, one line
// each. The mains use it, each once; it reads and changes the process's
// environment and is not for concurrent use.
package settings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gatehouse/core/fault"
)

// Exit codes of a program that did not do what it was asked.
const (
	failed = 1
	// misconfigured is EX_CONFIG of sysexits.h: the service manager does not try
	// again what only an operator can mend.
	misconfigured = 78
)

// A Checker is a command that can tell everything that keeps it from doing its
// work. What kong asks, Validate, is asked of commands that are no Checker.
type Checker interface {
	Check(ctx context.Context) error
}

// Run reads args and the environment into grammar, a struct with kong's tags,
// and runs the command that was chosen. Where a setting is wrong, the error
// holds all that is wrong, joined. ctx is bound for the commands.
func Run(ctx context.Context, grammar any, args []string, options ...kong.Option) error {
	parser, err := kong.New(grammar, append(options, kong.BindTo(ctx, (*context.Context)(nil)))...)
	if err != nil {
		return err
	}
	unsetEmpty(parser.Model)
	parsed, err := parser.Parse(args)
	if err == nil {
		return parsed.Run()
	}
	wrong, names := unread(parser.Model)
	if len(wrong) > 0 {
		parsed, err = parser.Parse(args) // without what cannot be read
		if err == nil {
			err = check(ctx, parsed)
		}
	}
	var refused *kong.ParseError
	if errors.As(err, &refused) {
		switch {
		case !errors.Is(err, fault.Invalid):
			err = fault.New(fault.Invalid, "%s", err)
		case refused.ExitCode() != failed: // by a Validate, and not by a hook before it
			err = cmp.Or(check(ctx, refused.Context), err)
		}
	}
	for _, e := range each(err) { // a setting that cannot be read has its default meanwhile, of which nothing is to be told
		if name, _, _ := strings.Cut(e.Error(), ":"); !slices.Contains(names, name) {
			wrong = append(wrong, e)
		}
	}
	return errors.Join(wrong...)
}

// check asks the chosen command what is wrong.
func check(ctx context.Context, parsed *kong.Context) error {
	switch c := parsed.Selected().Target.Addr().Interface().(type) {
	case Checker:
		return c.Check(ctx)
	case interface{ Validate() error }:
		return c.Validate()
	default:
		return nil
	}
}

// unread takes the variables out of the environment that cannot be read, and
// returns an error for each, and its name.
func unread(app *kong.Application) (wrong []error, names []string) {
	seen := map[string]bool{}
	variables(app, func(name string, v *kong.Value) {
		text, set := os.LookupEnv(name)
		if !set || seen[name] {
			return
		}
		seen[name] = true
		if err := readable(v, text); err != nil {
			wrong, names = append(wrong, fault.New(fault.Invalid, "%s: %s", name, err)), append(names, name)
			_ = os.Unsetenv(name) // cannot fail for a name that is set
		}
	})
	return wrong, names
}

// unsetEmpty takes the variables out of the environment that hold nothing: in
// a file, NAME= sets nothing.
func unsetEmpty(app *kong.Application) {
	variables(app, func(name string, _ *kong.Value) {
		if os.Getenv(name) == "" {
			_ = os.Unsetenv(name)
		}
	})
}

// variables visits the variables of all commands.
func variables(app *kong.Application, visit func(name string, v *kong.Value)) {
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, name := range f.Tag.Envs {
				visit(name, f.Value)
			}
		}
		return next(nil)
	})
}

// readable reports whether text is a value of v.
func readable(v *kong.Value, text string) error {
	scan := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text})
	if err := v.Mapper.Decode(&kong.DecodeContext{Value: v, Scan: scan}, reflect.New(v.Target.Type()).Elem()); err != nil {
		return err
	}
	if v.Enum != "" && !v.EnumMap()[text] {
		return fmt.Errorf("must be one of %s", strings.Join(v.EnumSlice(), ", "))
	}
	return nil
}

// Lines returns what err tells, one line for each thing, none twice.
func Lines(err error) []string {
	var lines []string
	seen := map[string]bool{}
	for _, e := range each(err) {
		line := strings.Join(strings.Fields(e.Error()), " ")
		if !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	return lines
}

// each returns the errors that were joined into err.
func each(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error }) // the outermost only: what is wrapped has a line already
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, each(e)...)
	}
	return all
}

// End tells err to w as program does, and returns the exit code.
func End(w io.Writer, program string, err error) int {
	for _, line := range Lines(err) {
		fmt.Fprintf(w, "%s: %s\n", program, line)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, fault.Invalid):
		return misconfigured
	default:
		return failed
	}
}
