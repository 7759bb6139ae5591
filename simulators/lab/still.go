package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// stopping is how long the threads of a group of processes may take to stop.
const stopping = time.Second

// standsStill waits until no thread of a group of processes runs any more, and
// reports whether that came. The signal that stops them is sent at once, but a thread
// takes it only when it is its turn to run; until then it may take a lock.
//
// Where the system does not tell, it is believed.
func standsStill(group int) bool {
	for begun := time.Now(); anyMoves(group); {
		if time.Since(begun) > stopping {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

// anyMoves reports whether a thread of a group of processes is not stopped.
func anyMoves(group int) bool {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue // it is no process
		}
		if of, err := syscall.Getpgid(pid); err != nil || of != group {
			continue
		}
		threads, err := filepath.Glob(filepath.Join("/proc", p.Name(), "task", "*", "stat"))
		if err != nil {
			return true
		}
		for _, t := range threads {
			if stat, err := os.ReadFile(t); err == nil && moves(stat) { // otherwise it has ended
				return true
			}
		}
	}
	return false
}

// moves tells from a thread's stat (see proc_pid_stat(5)) whether it may do something.
func moves(stat []byte) bool {
	// 4321 (gatehouse-hmg) T 1 ...; the name may be anything
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	fields := bytes.Fields(after)
	return len(fields) > 0 && !bytes.ContainsAny(fields[0][:1], "TtZX") // stopped, traced, or dead
}
