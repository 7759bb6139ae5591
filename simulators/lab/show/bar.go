package show

import (
	"fmt"

	"github.com/schollz/progressbar/v3"
)

// bar is the progress bar of a phase whose total is known.
type bar struct {
	phase string
	total int
	bar   *progressbar.ProgressBar
}

// Progress tells how far the step is: done of total in this phase; a total of 0
// is not known yet. On a terminal it shows as a bar, or as a number until the
// total is known; elsewhere as a line for each phase that has come to its end.
func (st *Step) Progress(phase string, done, total int) {
	if !st.s.live {
		if total > 0 && done == total {
			fmt.Fprintf(st.s.w, "    %s %*s  %s: %d of %d\n", pad(st.title), timeWidth, "", phase, done, total)
		}
		return
	}
	head := fmt.Sprintf("  %s %s %s", st.s.in(dim, "·"), pad(st.title), phase) // with the rest, 80 columns
	b := &st.bar
	if total == 0 {
		// The library animates bars without an end from a goroutine that it does not end.
		st.clear()
		fmt.Fprintf(st.s.w, "%s %d", head, done)
		return
	}
	if b.bar == nil || phase != b.phase || total != b.total {
		st.clear()
		*b = bar{phase: phase, total: total, bar: progressbar.NewOptions(total,
			progressbar.OptionSetWriter(st.s.w),
			progressbar.OptionSetDescription(head),
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "━", SaucerPadding: " "}),
		)}
	}
	_ = b.bar.Set(done) // a bar that cannot be drawn is no failure
}

func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Exit()
		b.bar = nil
	}
}
