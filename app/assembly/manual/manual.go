// Package manual writes the parts of a program's manual pages that its settings
// tell: commands, options and variables, in the macros of man(7). The rest is
// written by hand in packaging/man; the packages join both. It only reads what
// it is given.
package manual

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Command is the hidden command that writes a part of the manual.
type Command struct {
	Part string `arg:"" enum:"commands,options,variables" help:"Which part: commands, options or variables."`
}

// Run writes the part to the standard output of the program.
func (c Command) Run(k *kong.Kong) error {
	switch c.Part {
	case "commands":
		return Commands(k.Stdout, k.Model)
	case "options":
		return Options(k.Stdout, k.Model)
	default:
		return Variables(k.Stdout, k.Model)
	}
}

// Commands writes one paragraph for each command.
func Commands(w io.Writer, app *kong.Application) error {
	for _, n := range app.Leaves(true) {
		var optional []string
		for _, f := range flagsOf(n, false) {
			optional = append(optional, "--"+f.Name)
		}
		text := n.Help
		if len(optional) > 0 {
			text += " Options: " + strings.Join(optional, ", ") + "."
		}
		if err := entry(w, n.FullPath(), "", text); err != nil {
			return err
		}
	}
	return nil
}

// Options writes one paragraph for each option, of whatever command.
func Options(w io.Writer, app *kong.Application) error {
	for _, f := range all(app) {
		text := f.Help
		if len(f.Tag.Envs) > 0 {
			text += " Variable: " + strings.Join(f.Tag.Envs, ", ") + "."
		}
		value := f.FormatPlaceHolder()
		if f.IsBool() {
			value = ""
		} else if f.PlaceHolder != "" {
			value = f.PlaceHolder
		}
		if err := entry(w, "--"+f.Name, strings.Trim(value, `"`), text+standard(f)); err != nil {
			return err
		}
	}
	return nil
}

// Variables writes one paragraph for each variable.
func Variables(w io.Writer, app *kong.Application) error {
	for _, f := range all(app) {
		for _, name := range f.Tag.Envs {
			if err := entry(w, name, "", f.Help+standard(f)+" Option: --"+f.Name+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

// standard tells the value that counts when nothing is set.
func standard(f *kong.Flag) string {
	if !f.HasDefault || f.Default == "" {
		return ""
	}
	return " Default: " + f.Default + "."
}

// all returns the options of all commands that show, none twice, in order.
func all(app *kong.Application) []*kong.Flag {
	flags := flagsOf(app.Node, true)
	for _, n := range app.Leaves(true) {
		for _, f := range flagsOf(n, false) {
			if !slices.ContainsFunc(flags, func(o *kong.Flag) bool { return o.Name == f.Name }) {
				flags = append(flags, f)
			}
		}
	}
	return flags
}

// flagsOf returns the options of a node; help only where it is asked for.
func flagsOf(n *kong.Node, help bool) []*kong.Flag {
	var flags []*kong.Flag
	for _, f := range n.Flags {
		if !f.Hidden && (help || f.Name != "help") {
			flags = append(flags, f)
		}
	}
	return flags
}

func entry(w io.Writer, term, value, text string) error {
	if value != "" {
		value = "=\\fI" + Escape(value) + "\\fR"
	}
	_, err := fmt.Fprintf(w, ".TP\n\\fB%s\\fR%s\n%s\n", Escape(term), value, Escape(strings.TrimSpace(text)))
	return err
}

// Escape returns text that man(7) prints as it is: one paragraph.
func Escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
