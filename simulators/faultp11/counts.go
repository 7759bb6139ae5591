package faultp11

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
)

// The layout of struct counts in src/counts.h, in numbers of 64 bits.
const (
	headerWords   = 8
	changesWord   = 2
	takenWord     = 3
	outcomes      = 16
	functionWords = 4 + 2*2*outcomes
	functionsRoom = 96
	rulesRoom     = 1024
	ruleWords     = 8
	countsSize    = 8 * (headerWords + functionsRoom*functionWords + rulesRoom*ruleWords)
)

// Otherwise stands for the return values that found no place in the counts, which
// hold fifteen different ones for each function.
const Otherwise = ^uint(0) - 1

// Count is what all processes together have called one function.
type Count struct {
	Calls   uint64          // calls of the wrapped function
	Reached uint64          // of these, the real function was called
	Faults  uint64          // of these, a rule or a token that is away took a hand
	Real    map[uint]uint64 // what the real function returned: how often each CKR
	Told    map[uint]uint64 // what the caller was told
}

// Pending tells how many calls have not returned, or never will because their
// process died in them.
func (c Count) Pending() uint64 {
	n := c.Calls
	for _, told := range c.Told {
		n -= told
	}
	return n
}

// Counts are the counts of functions by name ("C_Login").
type Counts map[string]Count

// Faults tells in how many calls, of all functions, a fault took a hand.
func (c Counts) Faults() uint64 {
	var n uint64
	for _, count := range c {
		n += count.Faults
	}
	return n
}

// Since returns what was counted after before was read.
func (c Counts) Since(before Counts) Counts {
	d := Counts{}
	for name, n := range c {
		b := before[name]
		d[name] = Count{
			Calls: n.Calls - b.Calls, Reached: n.Reached - b.Reached, Faults: n.Faults - b.Faults,
			Real: since(n.Real, b.Real), Told: since(n.Told, b.Told),
		}
	}
	return d
}

func since(now, before map[uint]uint64) map[uint]uint64 {
	d := maps.Clone(now)
	for value, n := range before {
		if d[value] -= n; d[value] == 0 {
			delete(d, value)
		}
	}
	return d
}

// Counts reads what all processes have called so far. Calls that go on meanwhile
// may be counted in part.
func (in *Injector) Counts() (Counts, error) {
	file, err := os.ReadFile(in.path("counts"))
	if err != nil {
		return nil, fmt.Errorf("reading the counts: %w", err)
	}
	if len(file) != countsSize {
		return nil, errSize(len(file))
	}
	names, err := functionNames()
	if err != nil {
		return nil, err
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(file[8*i:]) }
	list := func(at int) map[uint]uint64 {
		m := map[uint]uint64{}
		for i := at; i < at+2*outcomes; i += 2 {
			if value, n := word(i), word(i+1); value != 0 && n != 0 {
				m[uint(value-1)] = n
			}
		}
		return m
	}
	counts := Counts{}
	for i, name := range names {
		at := headerWords + i*functionWords
		counts[name] = Count{
			Calls: word(at), Reached: word(at + 1), Faults: word(at + 2),
			Real: list(at + 4), Told: list(at + 4 + 2*outcomes),
		}
	}
	return counts, nil
}

func errSize(n int) error {
	return fmt.Errorf("reading the counts: %d bytes instead of %d", n, countsSize)
}

// Fired tells on how many calls those rules have acted that were taken into use
// after there were so many, and how many there are now. It counts also the call of a
// process that was killed before it could write its line into the log.
func (in *Injector) Fired(since uint64) (fired, taken uint64, err error) {
	file, err := os.ReadFile(in.path("counts"))
	if err != nil {
		return 0, 0, fmt.Errorf("reading the counts: %w", err)
	}
	if len(file) != countsSize {
		return 0, 0, errSize(len(file))
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(file[8*i:]) }
	for i := range rulesRoom {
		at := headerWords + functionsRoom*functionWords + i*ruleWords
		if key, order := word(at), word(at+1); key != 0 && order > since {
			fired += word(at + 5)
		}
	}
	return fired, word(takenWord), nil
}

// announce tells the processes that have the module loaded to read the rule file
// at once; without, they look every few milliseconds.
func (in *Injector) announce() (err error) {
	f, err := os.OpenFile(in.path("counts"), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("announcing the rules: %w", err)
	}
	defer func() { _ = f.Close() }()
	var word [8]byte
	if _, err := f.ReadAt(word[:], 8*changesWord); err != nil {
		return fmt.Errorf("announcing the rules: %w", err)
	}
	binary.NativeEndian.PutUint64(word[:], binary.NativeEndian.Uint64(word[:])+1)
	if _, err := f.WriteAt(word[:], 8*changesWord); err != nil {
		return fmt.Errorf("announcing the rules: %w", err)
	}
	return nil
}

var row = regexp.MustCompile(`(?m)^FUNCTION\((C_\w+),`)

// functionNames lists the functions in the order in which they are counted.
func functionNames() ([]string, error) {
	text, err := source.ReadFile("src/functions.h")
	if err != nil {
		return nil, fmt.Errorf("reading the list of functions: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if m := row.FindStringSubmatch(line); m != nil {
			names = append(names, m[1])
		}
	}
	return names, nil
}
