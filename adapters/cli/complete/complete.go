// Package complete writes scripts that complete a command line in bash, zsh
// and fish: verbs, their flags, the values of those that have few, and files.
//
// The scripts are made of the same structs as the parser, so that they know
// every verb, and they ask nobody. The command line and its packages use it.
package complete

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Shells are the shells that there is a script for.
var Shells = []string{"bash", "zsh", "fish"}

// Write writes the script for a shell.
func Write(w io.Writer, shell string, app *kong.Application) error {
	write := map[string]func(*kong.Application) string{"bash": bash, "zsh": zsh, "fish": fish}[shell]
	if write == nil {
		return fmt.Errorf("there is no script for %s", shell)
	}
	_, err := io.WriteString(w, write(app))
	return err
}

// verbs are the verbs that show.
func verbs(app *kong.Application) []*kong.Node { return app.Leaves(true) }

// flags are the flags of a verb, or of all with nil.
func flags(app *kong.Application, verb *kong.Node) []*kong.Flag {
	var all []*kong.Flag
	from := app.Flags
	if verb != nil {
		from = verb.Flags
	}
	for _, f := range from {
		if !f.Hidden {
			all = append(all, f)
		}
	}
	return all
}

// values are the values of a flag that has few.
func values(f *kong.Flag) []string {
	var all []string
	for _, v := range f.EnumSlice() {
		if v != "" {
			all = append(all, v)
		}
	}
	return all
}

// takesFile reports whether a flag's value is a file.
func takesFile(f *kong.Flag) bool { return f.PlaceHolder == "FILE" }

func long(all []*kong.Flag) string {
	var names []string
	for _, f := range all {
		names = append(names, "--"+f.Name)
	}
	return strings.Join(names, " ")
}

func bash(app *kong.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# bash completion of %s. Load it with: source <(%[1]s completion bash)\n_gatehouse_cli() {\n", app.Name)
	b.WriteString(`    local cur prev verb word
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD-1]}
    verb=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
`)
	var names []string
	for _, v := range verbs(app) {
		names = append(names, v.Name)
	}
	fmt.Fprintf(&b, "        %s) verb=$word; break ;;\n        esac\n    done\n    case $verb:$prev in\n", strings.Join(names, "|"))
	var files []string
	choose := func(verb string, all []*kong.Flag) {
		for _, f := range all {
			switch v := values(f); {
			case takesFile(f):
				files = append(files, verb+":--"+f.Name)
			case len(v) > 0:
				fmt.Fprintf(&b, "    %s:--%s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n", verb, f.Name, strings.Join(v, " "))
			case !f.IsBool():
				fmt.Fprintf(&b, "    %s:--%s) COMPREPLY=(); return ;;\n", verb, f.Name)
			}
		}
	}
	for _, v := range verbs(app) {
		choose(v.Name, flags(app, v))
	}
	choose("*", flags(app, nil))
	if len(files) > 0 {
		fmt.Fprintf(&b, "    %s) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n", strings.Join(files, "|"))
	}
	b.WriteString("    esac\n    case $verb in\n")
	global := long(flags(app, nil))
	fmt.Fprintf(&b, "    '') mapfile -t COMPREPLY < <(compgen -W '%s %s' -- \"$cur\") ;;\n", strings.Join(names, " "), global)
	for _, v := range verbs(app) {
		words := long(flags(app, v)) + " " + global
		for _, p := range v.Positional {
			words += " " + strings.Join(p.EnumSlice(), " ")
		}
		fmt.Fprintf(&b, "    %s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\") ;;\n", v.Name, strings.TrimSpace(words))
	}
	fmt.Fprintf(&b, "    esac\n}\ncomplete -o default -F _gatehouse_cli %s\n", app.Name)
	return b.String()
}

// plain is text that means nothing to a shell, in single quotes.
func plain(s string) string { return strings.NewReplacer("'", "’", "\n", " ").Replace(s) }

func zsh(app *kong.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n# zsh completion of %[1]s. Put it as _%[1]s into a folder of $fpath.\n", app.Name)
	b.WriteString("_gatehouse_cli() {\n    local context state line\n    local -a verbs global\n    verbs=(\n")
	for _, v := range verbs(app) {
		fmt.Fprintf(&b, "        '%s:%s'\n", v.Name, zshText(v.Help))
	}
	b.WriteString("    )\n    global=(\n")
	for _, spec := range zshFlags(flags(app, nil)) {
		b.WriteString("        " + spec + "\n")
	}
	b.WriteString("    )\n    _arguments -C $global '1:verb:->verb' '*::flag:->flag'\n    case $state in\n" +
		"    verb) _describe verb verbs ;;\n    flag)\n        case $line[1] in\n")
	for _, v := range verbs(app) {
		specs := append([]string{"        " + v.Name + ") _arguments $global"}, zshFlags(flags(app, v))...)
		for _, p := range v.Positional {
			specs = append(specs, "'1:"+p.Name+":("+strings.Join(p.EnumSlice(), " ")+")'")
		}
		b.WriteString(strings.Join(specs, " \\\n            ") + " ;;\n")
	}
	b.WriteString("        esac ;;\n    esac\n}\n_gatehouse_cli \"$@\"\n")
	return b.String()
}

func zshText(s string) string {
	return strings.NewReplacer(":", `\:`, "[", "(", "]", ")").Replace(plain(s))
}

// zshFlags are flags as _arguments wants them.
func zshFlags(all []*kong.Flag) []string {
	var specs []string
	for _, f := range all {
		value := ""
		switch v := values(f); {
		case f.IsBool():
		case len(v) > 0:
			value = ":value:(" + strings.ReplaceAll(strings.Join(v, " "), ":", `\:`) + ")"
		case takesFile(f):
			value = ":file:_files"
		default:
			value = ":value:"
		}
		specs = append(specs, "'--"+f.Name+"["+zshText(f.Help)+"]"+value+"'")
	}
	return specs
}

func fish(app *kong.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# fish completion of %s. Load it with: %[1]s completion fish | source\n", app.Name)
	fmt.Fprintf(&b, "complete -c %s -f\n", app.Name)
	for _, v := range verbs(app) {
		fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -a %s -d '%s'\n", app.Name, v.Name, plain(v.Help))
	}
	of := func(condition string, all []*kong.Flag) {
		for _, f := range all {
			rest := ""
			switch v := values(f); {
			case f.IsBool():
			case len(v) > 0:
				rest = " -x -a '" + strings.Join(v, " ") + "'"
			case takesFile(f):
				rest = " -r -F"
			default:
				rest = " -x"
			}
			fmt.Fprintf(&b, "complete -c %s%s -l %s%s -d '%s'\n", app.Name, condition, f.Name, rest, plain(f.Help))
		}
	}
	of("", flags(app, nil))
	for _, v := range verbs(app) {
		condition := " -n '__fish_seen_subcommand_from " + v.Name + "'"
		of(condition, flags(app, v))
		for _, p := range v.Positional {
			fmt.Fprintf(&b, "complete -c %s%s -a '%s'\n", app.Name, condition, strings.Join(p.EnumSlice(), " "))
		}
	}
	return b.String()
}
