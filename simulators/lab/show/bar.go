package show

import (
	"fmt"

	"github.com/schollz/progressbar/v3"
)

// bar shows how far a step is: a bar on a terminal, elsewhere a line for each
// phase that has come to its end.
type bar struct {
	phase string
	bar   *progressbar.ProgressBar
}

// Progress tells how far the step is: done of total in this phase; a total of 0
// is not known yet.
func (st *Step) Progress(phase string, done, total int) {
	b := &st.bar
	if !st.s.live {
		if total > 0 && done == total {
			fmt.Fprintf(st.s.w, "    %s %s: %d of %d\n", pad(st.title), phase, done, total)
		}
		return
	}
	if phase != b.phase || b.bar == nil {
		b.end()
		fmt.Fprint(st.s.w, "\r\x1b[2K")
		b.phase = phase
		b.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(st.s.w),
			progressbar.OptionSetDescription(fmt.Sprintf("  %s %s %s", st.s.in(dim, "·"), pad(st.title), phase)),
			progressbar.OptionSetWidth(24),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "━", SaucerPadding: " ", BarStart: "", BarEnd: ""}),
		)
	}
	if total > 0 {
		b.bar.ChangeMax(total)
	}
	_ = b.bar.Set(done) // a bar that cannot be drawn is no failure
}

func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Exit()
		b.bar = nil
	}
}
