package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stat is what the kernel tells of a process.
type stat struct {
	pid, parent int
	state       byte // R, S, Z …
	threads     int
	rss         int64 // bytes
	begun       int64 // ticks after the machine's start
}

// children returns the processes that a process has started, zombies too.
func children(parent int) ([]stat, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var list []stat
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, ok := statOf(pid); ok && s.parent == parent {
			list = append(list, s)
		}
	}
	return list, nil
}

// statOf reads /proc/PID/stat; ok is false when there is no such process.
func statOf(pid int) (s stat, ok bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return s, false
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
	f := strings.Fields(rest)
	if len(f) < 22 {
		return s, false
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(f[i], 10, 64) // the kernel writes numbers
		return n
	}
	return stat{pid: pid, state: f[0][0], parent: int(number(1)), threads: int(number(17)), begun: number(19), rss: number(21) * int64(os.Getpagesize())}, true
}

// descriptors counts the file descriptors that a process has open.
func descriptors(pid int) int {
	entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		return 0 // it has just ended
	}
	return len(entries)
}

// zombie reports whether the process has ended and nobody has asked how.
func (s stat) zombie() bool { return s.state == 'Z' }
