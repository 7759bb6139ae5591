package agreement

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/features/agreement/task"
)

// Document is the table for people, in Markdown: rows that differ in the size of
// the key, the hash, the wrapped key or the mode alone are one line.
func Document(rows []task.Task) string {
	d := document{numbers: map[string]int{}}
	var lines []line
	for _, t := range rows {
		lines = append(lines, d.line(t))
	}
	for dimension := range dimensions {
		lines = merged(lines, dimension)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows.\n\n| key | what | mode | hash | ordinary group | HSM group (SoftHSM2) |\n| --- | --- | --- | --- | --- | --- |\n", len(rows))
	for _, l := range lines {
		what := l.what
		if subjects := join(l.list[subject]); subjects != "" {
			what += ": " + subjects
		}
		digest := join(l.list[hash])
		if len(l.list[hash]) == len(hashes()) {
			digest = "every"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n",
			strings.TrimSpace(l.kind+" "+join(l.list[size])), what, join(l.list[mode]), digest, l.cells[0], l.cells[1])
	}
	b.WriteString("\nWhy somebody is missing:\n\n")
	for i, why := range d.reasons {
		fmt.Fprintf(&b, "%d. %s\n", i+1, why)
	}
	return b.String()
}

// The dimensions that lines are merged along, in this order.
const (
	size = iota
	hash
	subject
	mode
	dimensions
)

type line struct {
	kind, what string
	list       [dimensions][]string
	cells      [2]string
}

type document struct {
	reasons []string
	numbers map[string]int // of the reasons
}

func (d *document) line(t task.Task) line {
	l := line{kind: "no key", what: string(t.Act)}
	if t.How != task.Usual {
		l.what += ", " + string(t.How)
	}
	l.list[mode] = []string{t.Mode}
	if t.Variant != "" {
		l.list[mode] = []string{strings.TrimSpace(t.Mode + " " + t.Variant)}
	}
	if t.Key != nil {
		l.kind, l.list[size] = t.Key.Type, []string{t.Key.Kind()}
	}
	l.list[hash] = []string{t.Hash}
	if t.Subject != nil {
		l.list[subject] = []string{t.Subject.String()}
	}
	for i, k := range Kinds() {
		l.cells[i] = d.cell(k, t)
	}
	return l
}

// cell tells who agrees with the service in a kind of group.
func (d *document) cell(k Kind, t task.Task) string {
	offered, why := Offers(k, t)
	if offered == Neither {
		return "refused" + d.note(why)
	}
	var agree, missing []string
	for _, p := range Peers() {
		does, whyNot := Does(p, k, t)
		switch {
		case does == Neither && whyNot != "" && p != CIRCL: // who is for two types alone
			missing = append(missing, string(p)+d.note(whyNot))
		case does == Neither:
		case whyNot != "":
			agree = append(agree, string(p)+halves(does)+d.note(whyNot))
		default:
			agree = append(agree, string(p))
		}
	}
	cell := strings.Join(agree, ", ")
	if len(missing) > 0 {
		cell += "; not " + strings.Join(missing, ", ")
	}
	if why != "" {
		first, second, _ := strings.Cut(string(t.Act), ", ")
		only := second
		if offered == Makes {
			only = first
		}
		cell = "only " + only + d.note(why) + ": " + cell
	}
	return cell
}

func halves(d Directions) string {
	if d == Opens {
		return " (takes only)"
	}
	return " (makes only)"
}

// note is the number of a reason.
func (d *document) note(why string) string {
	if d.numbers[why] == 0 {
		d.reasons = append(d.reasons, why)
		d.numbers[why] = len(d.reasons)
	}
	return fmt.Sprintf(" [%d]", d.numbers[why])
}

// merged puts lines together that differ in one dimension alone.
func merged(lines []line, dimension int) (all []line) {
	at := map[string]int{}
	for _, l := range lines {
		rest := l
		rest.list[dimension] = nil
		index := fmt.Sprintf("%q", rest)
		if i, ok := at[index]; ok {
			all[i].list[dimension] = append(slices.Clone(all[i].list[dimension]), l.list[dimension]...)
			continue
		}
		at[index] = len(all)
		all = append(all, l)
	}
	return all
}

func join(names []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" }), ", ")
}
