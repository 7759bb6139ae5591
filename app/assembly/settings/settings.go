// Package settings reads the settings of a program from its arguments and its
// environment, and tells everything that is wrong with them at once, one line
// each. The mains use it, each once; it reads and changes the process's
// environment and is not for concurrent use.
package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
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

// A Checker is a command that can tell what is wrong with its settings.
type Checker interface{ Check() error }

// Run reads args and the environment into grammar, a struct with kong's tags,
// and runs the command that was chosen. A variable that cannot be read stops
// it; the error then also holds what else is wrong, by the command's Check.
func Run(grammar any, args []string, options ...kong.Option) error {
	parser, err := kong.New(grammar, options...)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		return parsed.Run()
	}
	wrong := unread(parser.Model)
	if len(wrong) == 0 {
		return fault.New(fault.Invalid, "%s", err)
	}
	parsed, err = parser.Parse(args) // without what cannot be read
	if err != nil {
		return errors.Join(append(wrong, fault.New(fault.Invalid, "%s", err))...)
	}
	if c, ok := parsed.Selected().Target.Addr().Interface().(Checker); ok {
		wrong = append(wrong, c.Check())
	}
	return errors.Join(wrong...)
}

// unread takes the variables out of the environment that cannot be read, and
// returns an error for each.
func unread(app *kong.Application) (wrong []error) {
	seen := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			for _, name := range f.Tag.Envs {
				text, set := os.LookupEnv(name)
				if !set || seen[name] {
					continue
				}
				seen[name] = true
				if err := readable(f.Value, text); err != nil {
					wrong = append(wrong, fault.New(fault.Invalid, "%s: %s", name, err))
					_ = os.Unsetenv(name) // cannot fail for a name that is set
				}
			}
		}
		return next(nil)
	})
	return wrong
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
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // the outermost only: what is wrapped has a line already
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
