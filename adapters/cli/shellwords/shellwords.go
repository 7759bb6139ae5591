// Package shellwords splits a line into words as a shell does: at blanks, with
// single and double quotes and backslashes, and comments. It expands nothing.
// The command line uses it for batches; its function keeps nothing.
package shellwords

import (
	"strings"
	"unicode"

	"gatehouse/core/fault"
)

// Split returns the words of a line. Invalid when a quote is left open.
func Split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	in := false // a word
	var quote rune
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, in = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case unicode.IsSpace(r):
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		case r == '#' && !in:
			return words, nil
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 || escaped {
		return nil, fault.New(fault.Invalid, "a quote is not closed")
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}
