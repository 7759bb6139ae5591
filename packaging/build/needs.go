package main

import (
	"debug/elf"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A need is what a program asks of the C library, found in the program itself.
type need struct {
	versions map[string]bool // "GLIBC_2.34"
	minimum  [2]int
}

// needs reads what a program needs. It may need the C library only: whatever
// else it asks for has no package here yet.
func needs(program string) (need, error) {
	n := need{versions: map[string]bool{}}
	f, err := elf.Open(program)
	if err != nil {
		return n, err
	}
	defer f.Close() //nolint:errcheck // only read
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return n, err
	}
	for _, lib := range libraries {
		if lib != "libc.so.6" && lib != "ld-linux-x86-64.so.2" && lib != "ld-linux-aarch64.so.1" {
			return n, fmt.Errorf("%s needs %s, of which nobody knows the package", program, lib)
		}
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return n, err
	}
	for _, s := range symbols {
		version, ok := strings.CutPrefix(s.Version, "GLIBC_")
		if !ok {
			continue
		}
		major, minor, _ := strings.Cut(version, ".")
		minor, _, _ = strings.Cut(minor, ".")
		a, errA := strconv.Atoi(major)
		b, errB := strconv.Atoi(minor)
		if errA != nil || errB != nil {
			continue // GLIBC_PRIVATE and its like
		}
		if s.Library == "libc.so.6" {
			n.versions[s.Version] = true
		}
		if v := [2]int{a, b}; slices.Compare(v[:], n.minimum[:]) > 0 {
			n.minimum = v
		}
	}
	if n.minimum == [2]int{} {
		return n, fmt.Errorf("%s needs no C library: was it built without cgo?", program)
	}
	return n, nil
}

func (n need) deb() []string {
	return []string{fmt.Sprintf("libc6 (>= %d.%d)", n.minimum[0], n.minimum[1])}
}

func (n need) rpm() []string {
	all := []string{"libc.so.6()(64bit)"}
	for _, v := range slices.Sorted(maps.Keys(n.versions)) {
		all = append(all, "libc.so.6("+v+")(64bit)")
	}
	return all
}
