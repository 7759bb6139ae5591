// Package worker makes processes that can be killed: each loads the HSM's
// PKCS#11 library, in which calls cannot be cancelled, and serves one slot over
// a pipe.
//
// It guarantees that a worker has nothing of its maker but the pipe, its
// standard error and the environment it is given, that it ends when its maker
// does, and that none is left behind as a zombie. What is spoken over the pipe
// is adapters/hmgwire; app/assembly/hmg puts the two together. All methods may
// be called at once.
package worker

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"gatehouse/core/fault"
)

// Program is what is run as a worker.
type Program struct {
	Path   string
	Name   string // as lists of processes show it; empty: Path
	Args   []string
	Env    []string  // all of the worker's environment
	Stderr io.Writer // standard output and error of the worker; nil: none

	// Slack is how late timers of the worker may be, those of its runtime too; 0: as
	// late as its maker's. It has an effect on Linux alone.
	Slack time.Duration
}

// Process is a worker that was started.
type Process struct {
	cmd    *exec.Cmd
	pipe   net.Conn
	exited chan struct{}
}

// pipeFD is the worker's end of the pipe: the first file after the standard ones.
const pipeFD = 3

// Start starts a worker. It fails as Unavailable.
func Start(p Program) (*Process, error) {
	near, far, err := pair()
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "a worker process cannot be started")
	}
	defer far.Close()                      //nolint:errcheck // the worker has its own
	cmd := exec.Command(p.Path, p.Args...) //nolint:noctx // it lives until its pipe is closed
	if p.Name != "" {
		cmd.Args[0] = p.Name
	}
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, p.Stderr, p.Stderr
	cmd.ExtraFiles = []*os.File{far}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal is for its maker
	if err := withSlack(p.Slack, cmd.Start); err != nil {
		near.Close()
		return nil, fault.Wrap(fault.Unavailable, err, "a worker process cannot be started")
	}
	w := &Process{cmd: cmd, pipe: near, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is on its standard error
		close(w.exited)
	}()
	return w, nil
}

// pair returns the two ends of a new pipe.
func pair() (near net.Conn, far *os.File, err error) {
	fds, err := socketpair()
	if err != nil {
		return nil, nil, err
	}
	far = os.NewFile(uintptr(fds[1]), "worker")
	mine := os.NewFile(uintptr(fds[0]), "worker")
	defer mine.Close() //nolint:errcheck // FileConn has its own
	if near, err = net.FileConn(mine); err != nil {
		_ = far.Close() // the first error tells
		return nil, nil, err
	}
	return near, far, nil
}

// Pipe returns this end of the pipe to the worker, which ends when it is closed.
func (p *Process) Pipe() net.Conn { return p.pipe }

// PID returns the worker's process number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the worker at once.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	p.pipe.Close()
}

// Stop closes the pipe and waits for the worker to end, for so long; then it is
// killed. It reports whether it ended by itself.
func (p *Process) Stop(patience time.Duration) bool {
	p.pipe.Close()
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-p.exited:
		return true
	case <-wait.C:
	}
	p.Kill()
	<-p.exited
	return false
}

// Pipe returns the pipe of the worker that this process is. It fails as Invalid
// when it is none.
func Pipe() (net.Conn, error) {
	f := os.NewFile(pipeFD, "pipe")
	if f == nil {
		return nil, errNoWorker(nil)
	}
	defer f.Close() //nolint:errcheck // FileConn has its own
	c, err := net.FileConn(f)
	if err != nil {
		return nil, errNoWorker(err)
	}
	if _, ok := c.(*net.UnixConn); !ok {
		c.Close()
		return nil, errNoWorker(nil)
	}
	return c, nil
}

func errNoWorker(cause error) error {
	return fault.Wrap(fault.Invalid, cause, "workers are started by the gateway, with a pipe as file %s", strconv.Itoa(pipeFD))
}
