// Package render writes what people read on a terminal: tables, and lists of
// properties.
//
// It guarantees that text from elsewhere cannot steer the terminal: control
// characters are shown, not sent. The command line uses it; its functions may
// be called at once.
package render

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns text with its control characters, and what is not UTF-8, escaped.
func Text(s string) string {
	clean := utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	if clean {
		return s
	}
	return strings.Trim(strconv.Quote(s), `"`)
}

// A Table has a head and rows of as many cells.
type Table struct {
	Head []string
	Rows [][]string
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes the table, columns beside each other; an empty cell is a dash.
// Without rows it writes none, only what is said.
func (t *Table) Write(w io.Writer, none string) error {
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	width := make([]int, len(t.Head))
	all := [][]string{t.Head}
	for _, r := range t.Rows {
		cells := make([]string, len(t.Head))
		for i := range cells {
			cells[i] = "-"
			if i < len(r) && r[i] != "" {
				cells[i] = Text(r[i])
			}
		}
		all = append(all, cells)
	}
	for _, r := range all {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range all {
		var line strings.Builder
		for i, c := range r {
			line.WriteString(c)
			line.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// Properties are lines of name and value.
type Properties struct {
	lines [][2]string
}

// Add adds a property; one without a value is left out.
func (p *Properties) Add(name, value string) {
	if value != "" {
		p.lines = append(p.lines, [2]string{name, value})
	}
}

// Write writes the properties, values below each other.
func (p *Properties) Write(w io.Writer) error {
	width := 0
	for _, l := range p.lines {
		width = max(width, len(l[0]))
	}
	for _, l := range p.lines {
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", width+1, l[0]+":", Text(l[1])); err != nil {
			return err
		}
	}
	return nil
}
