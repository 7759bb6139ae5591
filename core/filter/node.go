package filter

import "slices"

// operator is one of the API's, or names a node of our own.
type operator string

// The operators.
const (
	and    operator = "$and"
	or     operator = "$or"
	not    operator = "$not"
	eq     operator = "$eq"
	ne     operator = "$ne"
	lt     operator = "$lt"
	lte    operator = "$lte"
	gt     operator = "$gt"
	gte    operator = "$gte"
	in     operator = "$in"
	nin    operator = "$nin"
	exists operator = "$exists"
	text   operator = "$text"
	span   operator = "$range" // never in a node: its parts are
	some   operator = "$any"
	every  operator = "$all"
	search operator = "$search" // within $text
	of     operator = "field"   // a field with its condition
)

// node is an expression, or a condition on a field.
type node struct {
	op       operator
	field    string    // of
	kids     []node    // of, $and, $or, $not, $any, $all
	operands []operand // the others
}

// operand is a value that a field is compared with.
type operand struct {
	kind   Kind
	text   string
	number int64
}

func (n node) mentions(field string) bool {
	return n.op == of && n.field == field || slices.ContainsFunc(n.kids, func(k node) bool { return k.mentions(field) })
}

func (n node) demands(field string) string {
	switch {
	case n.op == and:
		for _, k := range n.kids {
			if text := k.demands(field); text != "" {
				return text
			}
		}
	case n.op == of && n.field == field:
		return n.kids[0].equals()
	}
	return ""
}

// equals returns the text that a condition wants to be equal.
func (n node) equals() string {
	switch n.op {
	case eq:
		return n.operands[0].text
	case and:
		for _, k := range n.kids {
			if text := k.equals(); text != "" {
				return text
			}
		}
	default:
	}
	return ""
}
