package render_test

import (
	"strings"
	"testing"

	"gatehouse/adapters/cli/render"
)

func TestTextCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"invoices 2026":     "invoices 2026",
		"Schlüssel ☃":       "Schlüssel ☃",
		"a\x1b[31mred":      `a\x1b[31mred`,
		"two\nlines":        `two\nlines`,
		"bad \xff byte":     `bad \xff byte`,
		"right \u202e left": `right \u202e left`,
	} {
		if got := render.Text(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := render.Table{Head: []string{"NAME", "SIZE"}}
	var b strings.Builder
	if err := table.Write(&b, "None."); err != nil || b.String() != "None.\n" {
		t.Errorf("got %q, %v", b.String(), err)
	}
	b.Reset()
	table.Add("Schlüssel", "256", "left out")
	table.Add("x")
	want := "NAME       SIZE\nSchlüssel  256\nx          -\n"
	if err := table.Write(&b, "None."); err != nil || b.String() != want {
		t.Errorf("got %q, %v, want %q", b.String(), err, want)
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	var p render.Properties
	p.Add("name", "a\tb")
	p.Add("nothing", "")
	p.Add("description", "c")
	var b strings.Builder
	want := "name:         a\\tb\ndescription:  c\n"
	if err := p.Write(&b); err != nil || b.String() != want {
		t.Errorf("got %q, %v, want %q", b.String(), err, want)
	}
}
