// Package filter holds the filter expressions of lists: conditions on the
// fields of a thing, written in JSON as the API has them.
//
// A filter that was parsed is right: it names only fields that the list has,
// with operators and values that suit them, and is bounded in size, so that
// matching cannot fail and is cheap. What parses encodes to text that parses to
// the same filter. Lists of keys, groups and apps use it. Values are immutable
// and safe for concurrent use.
//
// An expression is an object whose members must all hold. A member is $and,
// $or or $not over expressions, or a field with a condition: a plain value,
// which must be equal, or an object of operators, which must all hold:
//
//	$eq $ne           equal, not equal; $ne holds also where the field is unset
//	$lt $lte $gt $gte compared: texts by their bytes, times by seconds since 1970
//	$in $nin          one of a list, none of it
//	$exists           true: the field is set; false: it is not
//	$text             {"$search": text}: the text is part of the field, in any case
//	$range            an object of $lt, $lte, $gt and $gte
//	$and $or $not     over conditions of the same field
//	$any $all         a condition that some, or all, words of a set meet
//
// An operator on a set of words without $any or $all holds if it does for some
// word, and $ne and $nin if they do for all. A field whose name begins with $
// is written with a backslash before it.
package filter

import (
	"slices"
	"strings"
	"time"
)

// Limits of a filter.
const (
	MaxText  = 16 * 1024 // bytes
	MaxDepth = 20        // of objects and lists within each other
	MaxParts = 1000      // conditions, and values in them, together
)

// Kind is what a field holds.
type Kind int

// The kinds of fields.
const (
	Text   Kind = iota
	Number      // whole
	Time        // compared by seconds
	Flag
	Words // a set of texts
)

// Value is what a field of one thing holds.
type Value struct {
	text   string
	words  []string
	number int64
	set    bool
}

// TextOf returns the value of a Text field; unset when it is empty.
func TextOf[S ~string](s S) Value { return Value{text: string(s), set: s != ""} }

// NumberOf returns the value of a Number field; unset when it is 0.
func NumberOf(n int) Value { return Value{number: int64(n), set: n != 0} }

// TimeOf returns the value of a Time field; unset when it is zero.
func TimeOf(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Value{number: t.Unix(), set: true}
}

// FlagOf returns the value of a Flag field.
func FlagOf(b bool) Value {
	v := Value{set: true}
	if b {
		v.number = 1
	}
	return v
}

// WordsOf returns the value of a Words field; unset when it is empty.
func WordsOf(words []string) Value { return Value{words: words, set: len(words) != 0} }

// Field is a field that filters over Ts can name.
type Field[T any] struct {
	Kind Kind
	Of   func(T) Value
}

// Fields are the fields that filters over Ts can name.
type Fields[T any] struct {
	Named map[string]Field[T]
	Below map[string]func(rest string) Field[T] // by the beginning of their names
}

// field returns the field of that name.
func (f Fields[T]) field(name string) (Field[T], bool) {
	if field, ok := f.Named[name]; ok {
		return field, true
	}
	for prefix, of := range f.Below {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			return of(rest), true
		}
	}
	return Field[T]{}, false
}

// names are the fields' names, for people.
func (f Fields[T]) names() string {
	names := []string{}
	for name := range f.Named {
		names = append(names, name)
	}
	for prefix := range f.Below {
		names = append(names, prefix+"<name>")
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Filter is a parsed filter over Ts. The zero Filter lets everything through.
type Filter[T any] struct {
	root  node
	match func(T) bool
}

// Match reports whether t is let through.
func (f Filter[T]) Match(t T) bool { return f.match == nil || f.match(t) }

// All reports whether the filter says nothing.
func (f Filter[T]) All() bool { return f.root.op == and && len(f.root.kids) == 0 || f.match == nil }

// Mentions reports whether the filter asks for the field.
func (f Filter[T]) Mentions(field string) bool { return f.root.mentions(field) }

// Demands returns the one text that a field must have to be let through; empty
// when there is none, or it cannot be seen at once.
func (f Filter[T]) Demands(field string) string { return f.root.demands(field) }
