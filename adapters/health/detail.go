package health

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/app/report"
)

// detail answers with a report: as JSON where that is accepted by name, and
// otherwise as text for people.
func detail(make func() report.Report) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		rep := make()
		status := http.StatusOK // also when it is not healthy: this tells so, /health decides
		if accepts(r, "application/json") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			_ = e.Encode(rep) // a client that went away
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_ = Text(w, rep)
	})
}

func accepts(r *http.Request, kind string) bool {
	return slices.ContainsFunc(strings.Split(r.Header.Get("Accept"), ","), func(s string) bool {
		s, _, _ = strings.Cut(s, ";")
		return strings.EqualFold(strings.TrimSpace(s), kind)
	})
}

// Text writes a report for people.
func Text(out io.Writer, r report.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "gatehouse-hmg %s: %s\n", r.Version, health(r.Healthy))
	fmt.Fprintf(&b, "library %s, up for %s, %d connections\n", r.Library, brief(seconds(r.Uptime)), r.Clients)
	now := r.Started.Add(seconds(r.Uptime))
	for _, c := range r.Certificates {
		left := c.Expires.Sub(now)
		fmt.Fprintf(&b, "certificate in %s: %s, %s\n", c.Setting, c.Subject, expires(left))
	}
	if len(r.Slots) == 0 {
		b.WriteString("\nno slot is in use\n")
	}
	for _, s := range r.Slots {
		fmt.Fprintf(&b, "\nslot %d: %s", s.Slot, health(s.Healthy))
		if !s.Since.IsZero() {
			fmt.Fprintf(&b, " for %s", brief(now.Sub(s.Since)))
		}
		if s.Why != "" {
			fmt.Fprintf(&b, ": %s", s.Why)
		}
		fmt.Fprintf(&b, "\n  %d clients\n", s.Clients)
		writeSlot(&b, s, now)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeSlot(b *strings.Builder, s report.Slot, now time.Time) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, q := range s.Queues {
		fmt.Fprintf(w, "  %s\t%d under way\t%d of %d waiting\tthe next one for %s\n", q.Lane, q.UnderWay, q.Waiting, q.Limit, brief(q.Expected))
	}
	for _, k := range s.Workers {
		state := "serves"
		if !k.Serving {
			state = "does not serve"
		}
		var steps []string
		for step, n := range k.Steps {
			steps = append(steps, fmt.Sprintf("%d× %s", n, step))
		}
		slices.Sort(steps)
		fmt.Fprintf(w, "  worker %d\t%s for %s\t%d calls\t%d sessions\t%d restarts\t%s\t%s\n",
			k.Number, state, brief(now.Sub(k.Since)), k.Calls, k.Sessions, k.Restarts, strings.Join(steps, ", "), k.Why)
	}
	for _, e := range s.Errors {
		fmt.Fprintf(w, "  %s\t%s\t%d times\tlast %s ago\n", e.Kind, e.Reason, e.Count, brief(now.Sub(e.Last)))
	}
	_ = w.Flush() // a Builder takes everything
}

func health(is bool) string {
	if is {
		return "healthy"
	}
	return "NOT HEALTHY"
}

func expires(left time.Duration) string {
	if left <= 0 {
		return "EXPIRED " + brief(-left) + " ago"
	}
	return "expires in " + brief(left)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// brief is a duration in the one unit that says enough.
func brief(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Minute:
		return d.Round(time.Minute).String()
	case d >= time.Second:
		return d.Round(time.Second).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}
