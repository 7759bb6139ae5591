package filter

import (
	"cmp"
	"slices"
	"strings"
)

// compile returns what tells whether an expression holds for a T.
func compile[T any](n node, fields Fields[T]) func(T) bool {
	switch n.op {
	case of:
		field, _ := fields.field(n.field)
		condition, value := conditionOf(n.kids[0], field.Kind), field.Of
		return func(t T) bool { return condition(value(t)) }
	case not:
		kid := compile(n.kids[0], fields)
		return func(t T) bool { return !kid(t) }
	default:
		kids := make([]func(T) bool, len(n.kids))
		for i, k := range n.kids {
			kids[i] = compile(k, fields)
		}
		return combined(n.op, kids)
	}
}

// combined is $and or $or.
func combined[T any](op operator, kids []func(T) bool) func(T) bool {
	decides := op == or // the answer of one that makes the others needless
	return func(t T) bool {
		for _, k := range kids {
			if k(t) == decides {
				return decides
			}
		}
		return !decides
	}
}

// conditionOf returns what tells whether a condition on a field of kind k holds.
func conditionOf(n node, k Kind) func(Value) bool {
	switch n.op {
	case and, or:
		kids := make([]func(Value) bool, len(n.kids))
		for i, kid := range n.kids {
			kids[i] = conditionOf(kid, k)
		}
		return combined(n.op, kids)
	case not:
		kid := conditionOf(n.kids[0], k)
		return func(v Value) bool { return !kid(v) }
	case some, every:
		kid := conditionOf(n.kids[0], Text)
		word := func(w string) bool { return kid(Value{text: w, set: true}) }
		if n.op == some {
			return func(v Value) bool { return slices.ContainsFunc(v.words, word) }
		}
		return func(v Value) bool {
			return !slices.ContainsFunc(v.words, func(w string) bool { return !word(w) })
		}
	case exists:
		wanted := n.operands[0].number == 1
		return func(v Value) bool { return v.set == wanted }
	case ne, nin:
		holds := one(node{op: in, operands: n.operands}, k)
		return func(v Value) bool { return !holds(v) }
	default:
		return one(n, k)
	}
}

// one returns what tells whether a comparison holds for a field, or for a word
// of it.
func one(n node, k Kind) func(Value) bool {
	holds := comparisonOf(n)
	if k != Words {
		return func(v Value) bool { return v.set && holds(v) }
	}
	return func(v Value) bool {
		return slices.ContainsFunc(v.words, func(w string) bool { return holds(Value{text: w}) })
	}
}

func comparisonOf(n node) func(Value) bool {
	if n.op == text {
		part := strings.ToLower(n.operands[0].text)
		return func(v Value) bool { return strings.Contains(strings.ToLower(v.text), part) }
	}
	return func(v Value) bool {
		return slices.ContainsFunc(n.operands, func(o operand) bool { return order(n.op, v, o) })
	}
}

// order reports whether v stands to o as op says.
func order(op operator, v Value, o operand) bool {
	c := cmp.Compare(v.number, o.number)
	if o.kind == Text {
		c = strings.Compare(v.text, o.text)
	}
	switch op {
	case lt:
		return c < 0
	case lte:
		return c <= 0
	case gt:
		return c > 0
	case gte:
		return c >= 0
	default: // $eq and $in
		return c == 0
	}
}
