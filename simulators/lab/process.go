package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A process is a program that the lab has started and will end.
type process struct {
	name string
	log  string // file with all that it prints to standard error
	cmd  *exec.Cmd
	env  []string      // beside the lab's own
	done chan struct{} // closed when it has ended
	err  error         // how it ended; after done
}

// startProcess starts a program, whose log is begun anew. Each line that it
// prints to standard output goes to line. It is in a process group of its own,
// so that Ctrl-C reaches the lab alone, and it is killed when the lab dies.
func startProcess(name, log string, env []string, line func(string), path string, args ...string) (*process, error) {
	file, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the log of %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()                                                                        // the program has its own
	p := &process{name: name, log: log, env: env, cmd: exec.Command(path, args...), done: make(chan struct{})} //nolint:noctx // ended by stop, gently
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = file
	p.cmd.SysProcAttr = attributes()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	started := make(chan error)
	go func() {
		// A child dies with the thread that has started it: keep that one.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if line != nil {
				line(lines.Text())
			}
		}
		_, _ = io.Copy(io.Discard, out) // after a line beyond reason: let it go on
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// startWithin is how long a program may take until it is ready.
const startWithin = 2 * time.Minute

// ready calls probe until it succeeds. It fails when the program ends before,
// takes too long, or ctx ends.
func (p *process) ready(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%w): %s", p.name, endedAs(p.err), p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; its log is %s", p.name, errors.Join(ctx.Err(), err), p.log)
		case <-tick.C:
		}
	}
}

// stop asks the program to end and kills it after grace. It is an error if it
// had ended before, had to be killed, or did not end well.
func (p *process) stop(grace time.Duration) error {
	select {
	case <-p.done:
		return fmt.Errorf("%s had ended by itself (%w): %s", p.name, endedAs(p.err), p.lastWords())
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // if it has just ended, done tells
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s did not end well: %w: %s", p.name, p.err, p.lastWords())
		}
		return nil
	case <-time.After(grace):
	}
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // as above; a Go program then tells where it hangs
	select {
	case <-p.done:
	case <-time.After(grace):
	}
	p.kill()
	return fmt.Errorf("%s did not end within %s and was killed; where it hung is in its log, %s", p.name, grace, p.log)
}

// killed reports whether the program was ended as kill -9 does; after done.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// kill ends the program and all that it has started.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // gone already: all the better
	<-p.done
}

var errExit0 = errors.New("exit status 0")

func endedAs(err error) error {
	if err == nil {
		return errExit0
	}
	return err
}

// lastWords returns the last lines of the program's log.
func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "\n")
}
