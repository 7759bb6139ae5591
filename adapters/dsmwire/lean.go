package dsmwire

import (
	"bytes"
	"encoding/base64"
)

// lean reads the bodies of cryptographic calls as programs usually write them:
// one flat object, plain ASCII, base64. encoding/json goes over a body three
// times, and took half of the time of a short encryption to read 1 KiB of it.
//
// It decides nothing. Whatever is not usual (an escape, an unknown or repeated
// field, a padding, a mistake) makes it give up, for encoding/json to read the
// body from the start. What it reads is what encoding/json would have read: a
// fuzz test compares them.
type lean struct {
	body []byte
	at   int
}

// whole reads a body whose fields value reads, and nothing beside.
func (l *lean) whole(value func(field []byte) bool) bool { return l.object(value) && l.end() }

// next passes white space and returns the byte after it; 0 at the end.
func (l *lean) next() byte {
	for ; l.at < len(l.body); l.at++ {
		switch c := l.body[l.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take passes c, if it is next.
func (l *lean) take(c byte) bool {
	if l.next() != c {
		return false
	}
	l.at++
	return true
}

// end reports whether nothing follows.
func (l *lean) end() bool { l.next(); return l.at == len(l.body) }

// object reads an object; value reads the value of each field.
func (l *lean) object(value func(field []byte) bool) bool {
	if !l.take('{') {
		return false
	}
	if l.take('}') {
		return true
	}
	for {
		field, ok := l.quoted()
		if !ok || !plain(field) || !l.take(':') || !value(field) {
			return false
		}
		if !l.take(',') {
			return l.take('}')
		}
	}
}

// quoted reads what is between two quotes, which may be no JSON.
func (l *lean) quoted() ([]byte, bool) {
	if !l.take('"') {
		return nil, false
	}
	n := bytes.IndexByte(l.body[l.at:], '"')
	if n < 0 {
		return nil, false
	}
	s := l.body[l.at : l.at+n]
	l.at += n + 1
	return s, true
}

// plain reports whether s stands for itself within quotes.
func plain(s []byte) bool {
	for _, c := range s {
		if c < ' ' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	return true
}

// literal passes word, if it is next.
func (l *lean) literal(word string) bool {
	l.next()
	if rest := l.body[l.at:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return false
	}
	l.at += len(word)
	return true
}

// text reads a string into *to, which has none yet.
func (l *lean) text(to *string) bool {
	if l.literal("null") {
		return true
	}
	s, ok := l.quoted()
	if !ok || !plain(s) || *to != "" {
		return false
	}
	*to = string(s)
	return true
}

// binary reads base64 into *to, which has none yet.
func (l *lean) binary(to *[]byte) bool {
	if l.literal("null") {
		return *to == nil
	}
	s, ok := l.quoted()
	// Line breaks are no JSON, but the base64 decoder passes over them.
	if !ok || *to != nil || bytes.IndexByte(s, '\n') >= 0 || bytes.IndexByte(s, '\r') >= 0 {
		return false
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(b, s)
	*to = b[:n]
	return err == nil
}

// number reads a small whole number into *to, which has none yet.
func (l *lean) number(to **int) bool {
	if l.literal("null") {
		return *to == nil
	}
	l.next()
	n, digits := 0, 0
	for ; l.at < len(l.body) && '0' <= l.body[l.at] && l.body[l.at] <= '9'; l.at++ {
		n, digits = 10*n+int(l.body[l.at]-'0'), digits+1
		if digits > 4 || digits > 1 && n < 10 {
			return false
		}
	}
	if digits == 0 || *to != nil {
		return false
	}
	*to = &n
	return true
}

// boolean reads true or false into *to, which has none yet.
func (l *lean) boolean(to **bool) bool {
	if l.literal("null") {
		return *to == nil
	}
	is := l.literal("true")
	if !is && !l.literal("false") || *to != nil {
		return false
	}
	*to = &is
	return true
}

// verdict reads true or false into *to, which false stands for before.
func (l *lean) verdict(to *bool) bool {
	var b *bool
	if *to || !l.boolean(&b) || b == nil {
		return false
	}
	*to = *b
	return true
}

// mode reads a cipher mode into *to, which has none yet; paddings are objects.
func (l *lean) mode(to **Mode) bool {
	if l.literal("null") {
		return *to == nil
	}
	s, ok := l.quoted()
	if !ok || !plain(s) || *to != nil {
		return false
	}
	m := Mode{Name: string(s)}
	*to = &m
	return !m.IsPadding() && !m.IsVariant()
}

// key reads a descriptor by id or name into *to, which has none yet.
func (l *lean) key(to **SobjectDescriptor) bool {
	if *to != nil {
		return false
	}
	d := new(SobjectDescriptor)
	*to = d
	return l.object(func(field []byte) bool {
		switch string(field) {
		case "kid":
			return l.text(&d.KID)
		case "name":
			return l.text(&d.Name)
		default:
			return false
		}
	})
}
