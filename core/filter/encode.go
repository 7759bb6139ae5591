package filter

import (
	"encoding/json"
	"strconv"
	"strings"
)

// String returns the filter as text that parses to the same filter: spelled
// out, with one condition in each object.
func (f Filter[T]) String() string {
	if f.All() {
		return "{}"
	}
	var b strings.Builder
	encode(&b, f.root)
	return b.String()
}

func encode(b *strings.Builder, n node) {
	if n.op == and && len(n.kids) == 0 {
		b.WriteString("{}")
		return
	}
	name := string(n.op)
	if n.op == of {
		if name = n.field; strings.HasPrefix(name, "$") || strings.HasPrefix(name, `\`) {
			name = `\` + name
		}
	}
	b.WriteByte('{')
	quote(b, name)
	b.WriteByte(':')
	switch n.op {
	case and, or:
		encodeList(b, n.kids, encode)
	case of, not, some, every:
		encode(b, n.kids[0])
	case in, nin:
		encodeList(b, n.operands, encodeOperand)
	case text:
		b.WriteString(`{"$search":`)
		encodeOperand(b, n.operands[0])
		b.WriteByte('}')
	default:
		encodeOperand(b, n.operands[0])
	}
	b.WriteByte('}')
}

func encodeList[E any](b *strings.Builder, list []E, each func(*strings.Builder, E)) {
	b.WriteByte('[')
	for i, e := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		each(b, e)
	}
	b.WriteByte(']')
}

func encodeOperand(b *strings.Builder, o operand) {
	switch o.kind {
	case Number, Time:
		b.WriteString(strconv.FormatInt(o.number, 10))
	case Flag:
		b.WriteString(strconv.FormatBool(o.number == 1))
	default:
		quote(b, o.text)
	}
}

func quote(b *strings.Builder, s string) {
	text, _ := json.Marshal(s) // a string always encodes
	b.Write(text)
}
