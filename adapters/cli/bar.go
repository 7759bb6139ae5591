package cli

import (
	"io"

	"github.com/schollz/progressbar/v3"
)

// bar shows how far something is, on a terminal only.
type bar struct {
	w     io.Writer // nil: not shown
	title string
	total int
	bar   *progressbar.ProgressBar
}

// bar returns a bar; nothing shows until its total is known.
func (t *tool) bar(title string) *bar {
	if !t.Bars {
		return &bar{}
	}
	return &bar{w: t.Stderr, title: title}
}

// phase begins another count.
func (b *bar) phase(title string) {
	if b.title != title {
		b.end()
		b.title = title
	}
}

// set shows done of total.
func (b *bar) set(done, total int) {
	if b.w == nil || total <= 0 {
		return
	}
	if b.bar == nil || b.total != total {
		b.end()
		b.total = total
		b.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(b.w),
			progressbar.OptionSetDescription(b.title),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
		)
	}
	_ = b.bar.Set(done) // a bar that cannot be drawn is no failure
}

// end takes the bar away.
func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Finish() // as above
		_ = b.bar.Exit()
		b.bar = nil
	}
}
