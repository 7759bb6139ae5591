package hmg

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"gatehouse/core/fault"
)

// LoadEnvFile reads a file of KEY=VALUE lines, as systemd reads its
// EnvironmentFile, into this process's environment, where the PKCS#11 library
// sees it too. What is set already stays, and KEY= sets nothing. Lines that are empty or begin with #
// or ; are comments; a value may stand in single or double quotes.
func LoadEnvFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "the configuration file cannot be read")
	}
	defer f.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		key, value, ok := parseEnv(lines.Text())
		if !ok {
			return fault.New(fault.Invalid, "%s, line %d is not KEY=VALUE", path, n)
		}
		if key == "" || value == "" {
			continue
		}
		if _, set := os.LookupEnv(key); set {
			continue
		}
		if err := os.Setenv(key, value); err != nil {
			return fmt.Errorf("%s, line %d: %w", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fault.Wrap(fault.Invalid, err, "the configuration file cannot be read")
	}
	return nil
}

// parseEnv reads one line; key is empty for a comment.
func parseEnv(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' || line[0] == ';' {
		return "", "", true
	}
	key, value, ok = strings.Cut(line, "=")
	if !ok || key == "" || strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		return "", "", false
	}
	value = strings.TrimSpace(value)
	if n := len(value); n > 0 && (value[0] == '"' || value[0] == '\'') {
		if n < 2 || value[n-1] != value[0] {
			return "", "", false
		}
		value = value[1 : n-1]
	}
	return key, value, !strings.ContainsRune(value, 0)
}
