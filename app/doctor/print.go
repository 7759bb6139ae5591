package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// PrintSlots writes what `pkcs11-tool -L` shows of every slot, but that slots go
// by the number that a connection needs: their id.
func (r *Report) PrintSlots(out io.Writer) error {
	w := &printer{w: out}
	w.line("Available slots:")
	for i := range r.Slots {
		w.slot(&r.Slots[i])
	}
	return w.err
}

// Print writes the report for people; with ids only those slots, else every
// ready one.
func (r *Report) Print(out io.Writer, ids ...uint) error {
	w := &printer{w: out}
	l := r.Library
	w.line("Library %s", l.Path)
	w.line("  description        : %s (ver %s)", l.Description, l.Version)
	w.line("  manufacturer       : %s", l.Manufacturer)
	w.line("  cryptoki version   : %s", l.Cryptoki)
	shown := 0
	for i := range r.Slots {
		s := &r.Slots[i]
		if len(ids) == 0 && s.State != StateReady || len(ids) > 0 && !slices.Contains(ids, s.ID) {
			continue
		}
		shown++
		w.line("")
		w.slot(s)
		w.rest(s)
	}
	if shown == 0 {
		w.line("")
		w.line("No slot holds an initialised token (%d slots): initialise one with its vendor's tool.", len(r.Slots))
	}
	w.line("")
	switch {
	case r.Works:
		w.line("Nothing essential is missing.")
	default:
		w.line("Something essential is missing: see the errors above.")
	}
	return w.err
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (w *printer) line(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintln(w.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}

func (w *printer) slot(s *Slot) {
	w.line("Slot %d (0x%x): %s", s.ID, s.ID, s.Description)
	t := s.Token
	switch {
	case t == nil:
		w.line("  (empty)")
		return
	case s.State == StateUninitialised:
		w.line("  token state:   uninitialized")
		return
	}
	flags := strings.Join(t.Flags, ", ")
	if t.OtherFlags != "" {
		flags += ", other flags=" + t.OtherFlags
	}
	w.line("  token label        : %s", t.Label)
	w.line("  token manufacturer : %s", t.Manufacturer)
	w.line("  token model        : %s", t.Model)
	w.line("  token flags        : %s", strings.TrimPrefix(flags, ", "))
	w.line("  hardware version   : %s", t.Hardware)
	w.line("  firmware version   : %s", t.Firmware)
	w.line("  serial num         : %s", t.Serial)
	w.line("  pin min/max        : %d/%d", t.PINMin, t.PINMax)
	w.line("  uri                : %s", t.URI)
}

// rest writes what the doctor found.
func (w *printer) rest(s *Slot) {
	if t := s.Token; t != nil && s.State == StateReady {
		w.line("  sessions           : %s; that may write: %s", t.Sessions, t.RWSessions)
		w.line("  mechanisms         : %d", s.Mechanisms)
	}
	if len(s.Tasks) > 0 {
		w.line("")
		w.tasks(s)
	}
	if len(s.Quirks) > 0 {
		w.line("")
		w.line("  Quirks")
		for _, q := range s.Quirks {
			w.line("  %s %s: %s", mark(q.Good), q.Name, q.Finds)
		}
	}
	if len(s.Callers) > 0 {
		w.line("")
		w.line("  Callers at once")
		for _, c := range s.Callers {
			w.line("    %d: %.0f/s (%s)", c.Callers, c.PerSecond, c.Does)
		}
		for _, set := range s.Settings {
			w.line("    %s=%s: %s", set.Name, set.Value, set.Why)
		}
	}
	if len(s.Findings) > 0 {
		w.line("")
		w.line("  Findings")
		for _, f := range s.Findings {
			w.line("  %s: %s", f.Severity, f.Says)
			if f.Do != "" {
				w.line("    %s", f.Do)
			}
		}
	}
}

func mark(good bool) string {
	if good {
		return "  "
	}
	return "! "
}

func (w *printer) tasks(s *Slot) {
	if w.err != nil {
		return
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	head := "  KEY\tDOES\tMECHANISM\tLISTED"
	if s.Tried {
		head += "\tTRIED\tMS"
	}
	fmt.Fprintln(table, head)
	last := ""
	for _, t := range s.Tasks {
		key := t.Key
		if key == last {
			key = ""
		}
		last = t.Key
		row := fmt.Sprintf("  %s\t%s\t%s\t%s", key, t.Does, t.Mechanism, listed(t))
		if s.Tried {
			row += fmt.Sprintf("\t%s\t%s", tried(t), millis(t))
		}
		fmt.Fprintln(table, row)
	}
	w.err = table.Flush()
	for line := range strings.Lines(b.String()) {
		w.line("%s", strings.TrimRight(line, "\n"))
	}
}

func listed(t Task) string {
	switch {
	case t.Listed && t.Mechanism == "":
		return "needs none"
	case t.Listed:
		return "yes"
	}
	return "no: " + t.Why
}

func tried(t Task) string {
	if t.Tried == "" {
		return "-"
	}
	return string(t.Tried)
}

func millis(t Task) string {
	if t.Tried != Works {
		return ""
	}
	return fmt.Sprintf("%.1f", t.Millis)
}
