// Package show prints what the lab does: one line for each step, calm and
// aligned, that says what was found and how long it took.
//
// On a terminal a step shows while it runs, and the lines have a little colour;
// elsewhere, under NO_COLOR or with TERM=dumb, it is plain text, one line when
// a step has ended. A Screen is for one goroutine.
package show

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// Screen is where steps are shown.
type Screen struct {
	w      io.Writer
	live   bool // lines can be written again
	colour bool
}

// New returns a Screen on w. Live means that w is a terminal.
func New(w io.Writer, live, colour bool) *Screen { return &Screen{w: w, live: live, colour: colour} }

// For returns a Screen on f that fits what f is, and what the environment asks for.
func For(f *os.File) *Screen {
	live := term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	return New(f, live, live && os.Getenv("NO_COLOR") == "")
}

// The widths of the columns of titles and of times.
const (
	titleWidth = 20
	timeWidth  = 7
)

// indent leads to the column of what was found.
var indent = strings.Repeat(" ", 2+1+1+titleWidth+1+timeWidth+2)

const (
	green, red, dim, bold, plain = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"
)

func (s *Screen) in(colour, text string) string {
	if !s.colour {
		return text
	}
	return colour + text + plain
}

// Heading begins a part.
func (s *Screen) Heading(text string) { fmt.Fprintf(s.w, "\n%s\n\n", s.in(bold, text)) }

// Text prints lines as they are.
func (s *Screen) Text(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(s.w, l)
	}
}

// Fact prints a value, of one line or more, beside its name.
func (s *Screen) Fact(name, value string) {
	fmt.Fprintf(s.w, "    %s %s\n", pad(name), strings.ReplaceAll(value, "\n", "\n    "+pad("")+" "))
}

// Step is a step that is under way.
type Step struct {
	s     *Screen
	title string
	bar   bar
}

// Begin begins a step.
func (s *Screen) Begin(title string) *Step {
	if s.live {
		fmt.Fprintf(s.w, "  %s %s", s.in(dim, "·"), pad(title))
	}
	return &Step{s: s, title: title}
}

// Done ends a step that was true. Detail may have several lines.
func (st *Step) Done(detail string, took time.Duration) {
	st.clear()
	first, rest, _ := strings.Cut(detail, "\n")
	fmt.Fprintf(st.s.w, "  %s %s %s  %s\n", st.s.in(green, "✓"), pad(st.title), st.s.in(dim, fmt.Sprintf("%*s", timeWidth, seconds(took))), first)
	for line := range strings.Lines(rest) {
		fmt.Fprintf(st.s.w, "%s%s\n", indent, strings.TrimRight(line, "\n"))
	}
}

// Failed ends a step that was not.
func (st *Step) Failed(err error) {
	st.clear()
	text := strings.ReplaceAll(err.Error(), "\n", "\n"+indent)
	fmt.Fprintf(st.s.w, "  %s %s %*s  %s\n", st.s.in(red, "✗"), pad(st.title), timeWidth, "", text)
}

func (st *Step) clear() {
	st.bar.end()
	if st.s.live {
		fmt.Fprint(st.s.w, "\r\x1b[2K")
	}
}

func pad(title string) string {
	return title + strings.Repeat(" ", max(0, titleWidth-utf8.RuneCountInString(title)))
}

func seconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
