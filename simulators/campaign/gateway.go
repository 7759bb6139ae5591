package campaign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// follower reads the gateway's log, which tells which workers serve.
type follower struct {
	path    string
	offset  int64
	rest    string
	serving map[string]bool // by slot and number
	ladder  map[string]int  // steps that helped, by name
}

var told = regexp.MustCompile(`msg="(worker serves|worker does not serve)".* slot=(\d+) worker=(\d+)(?: step="?([a-z ]+)"?)?`)

// read takes in what the log has got since the last time.
func (f *follower) read() error {
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("reading the gateway's log: %w", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(f.offset, io.SeekStart); err != nil {
		return fmt.Errorf("reading the gateway's log: %w", err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("reading the gateway's log: %w", err)
	}
	f.offset += int64(len(text))
	lines := strings.Split(f.rest+string(text), "\n")
	f.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		m := told.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		f.serving[m[2]+"/"+m[3]] = m[1] == "worker serves"
		if m[4] != "" {
			f.ladder[m[4]]++
		}
	}
	return nil
}

// full reports whether so many workers of a slot serve. The first one, that
// opened the slot, says so only when it has been healed.
func (f *follower) full(slot uint, workers int) bool {
	first := fmt.Sprintf("%d/0", slot)
	if _, known := f.serving[first]; !known {
		f.serving[first] = true
	}
	n := 0
	for name, serving := range f.serving {
		if serving && strings.HasPrefix(name, fmt.Sprintf("%d/", slot)) {
			n++
		}
	}
	return n == workers
}

// ready waits until every worker of a slot serves.
func (w *World) ready(ctx context.Context, slot uint) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if err := w.log.read(); err != nil {
			return err
		}
		if w.log.full(slot, w.opts.Workers) {
			return nil
		}
		if !rest(ctx, 10*time.Millisecond) {
			return errors.New("not all workers serve after 30 s")
		}
	}
}

// signal sends a signal to workers, of which all serve: SoftHSM2 would lose its
// token if one died while it logs in.
func (w *World) signal(s syscall.Signal, all bool) error {
	list, err := children(w.Lab.Gateway.PID)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, stat.zombie)
	if len(list) == 0 {
		return errors.New("there are no worker processes")
	}
	slices.SortFunc(list, func(a, b stat) int { return cmp.Compare(a.begun, b.begun) })
	if !all {
		list = list[:1] // the oldest: others may be trying a PIN
	}
	for _, c := range list {
		if err := syscall.Kill(c.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("sending %s to a worker: %w", s, err)
		}
	}
	return nil
}

// healthy asks the gateway for its health.
func (w *World) healthy(ctx context.Context) (code int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Lab.Gateway.Health, http.NoBody)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, nil
}
