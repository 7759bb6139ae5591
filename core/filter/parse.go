package filter

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/core/fault"
)

// compact is how the API writes times.
const compact = "20060102T150405Z"

// Parse reads a filter over Ts with these fields. Errors are Invalid and never
// hold what the text holds.
func Parse[T any](s string, fields Fields[T]) (Filter[T], error) {
	v, err := read(s)
	if err != nil {
		return Filter[T]{}, err
	}
	p := parser[T]{fields: fields}
	root, err := p.expression(v)
	if err != nil {
		return Filter[T]{}, err
	}
	return Filter[T]{root: root, match: compile(root, fields)}, nil
}

type parser[T any] struct {
	fields Fields[T]
	parts  int
}

// count counts a part.
func (p *parser[T]) count() error {
	if p.parts++; p.parts > MaxParts {
		return fault.New(fault.Invalid, "filter must not have more than %d conditions and values", MaxParts)
	}
	return nil
}

// conjunction is the node for parts that must all hold.
func conjunction(parts []node) node {
	if len(parts) == 1 {
		return parts[0]
	}
	return node{op: and, kids: parts}
}

// expression reads what has fields.
func (p *parser[T]) expression(v value) (node, error) {
	if v.shape != object {
		return node{}, invalid("must be an object, as must be the parts of $and, $or and $not")
	}
	parts := []node{}
	for i, name := range v.names {
		n, err := p.member(name, v.items[i])
		if err != nil {
			return node{}, err
		}
		parts = append(parts, n)
	}
	return conjunction(parts), nil
}

func (p *parser[T]) member(name string, v value) (node, error) {
	if err := p.count(); err != nil {
		return node{}, err
	}
	switch op := operator(name); {
	case op == and || op == or || op == not:
		return p.logic(op, v, p.expression)
	case strings.HasPrefix(name, "$"):
		return node{}, invalid("has an operator where a field, $and, $or or $not must be")
	}
	name = strings.TrimPrefix(name, `\`)
	field, ok := p.fields.field(name)
	if !ok {
		return node{}, fault.New(fault.Invalid, "filter names a field that this list does not have; it has %s", p.fields.names())
	}
	condition, err := p.condition(field.Kind, v)
	return node{op: of, field: name, kids: []node{condition}}, err
}

// logic reads $and, $or and $not over what part reads.
func (p *parser[T]) logic(op operator, v value, part func(value) (node, error)) (node, error) {
	if op == not {
		kid, err := part(v)
		return node{op: op, kids: []node{kid}}, err
	}
	if v.shape != list || len(v.items) == 0 {
		return node{}, fault.New(fault.Invalid, "filter must have a list after %s that is not empty", op)
	}
	n := node{op: op}
	for _, item := range v.items {
		kid, err := part(item)
		if err != nil {
			return node{}, err
		}
		n.kids = append(n.kids, kid)
	}
	if len(n.kids) == 1 {
		return n.kids[0], nil
	}
	return n, nil
}

// condition reads what a field of kind k must meet.
func (p *parser[T]) condition(k Kind, v value) (node, error) {
	if v.shape != object {
		return p.comparison(eq, k, []value{v})
	}
	if len(v.names) == 0 {
		return node{}, invalid("has a field without an operator")
	}
	parts := []node{}
	for i, name := range v.names {
		n, err := p.operation(operator(name), k, v.items[i])
		if err != nil {
			return node{}, err
		}
		parts = append(parts, n)
	}
	return conjunction(parts), nil
}

func (p *parser[T]) operation(op operator, k Kind, v value) (node, error) {
	switch op {
	case and, or, not:
		if err := p.count(); err != nil {
			return node{}, err
		}
		return p.logic(op, v, func(v value) (node, error) { return p.condition(k, v) })
	case eq, ne, lt, lte, gt, gte:
		return p.comparison(op, k, []value{v})
	case in, nin:
		if v.shape != list {
			return node{}, fault.New(fault.Invalid, "filter must have a list after %s", op)
		}
		return p.comparison(op, k, v.items)
	case exists:
		return p.comparison(op, Flag, []value{v})
	case text:
		if v.shape != object || len(v.names) != 1 || operator(v.names[0]) != search || k != Text && k != Words {
			return node{}, invalid(`must have {"$search": …} after $text, for a field of text`)
		}
		return p.comparison(op, Text, v.items)
	case span:
		return p.between(k, v)
	case some, every:
		if k != Words {
			return node{}, invalid("has $any or $all for a field that is not a set")
		}
		if err := p.count(); err != nil {
			return node{}, err
		}
		kid, err := p.condition(Text, v)
		return node{op: op, kids: []node{kid}}, err
	default:
		return node{}, invalid("has an operator that it cannot have here; fields have " +
			"$all, $and, $any, $eq, $exists, $gt, $gte, $in, $lt, $lte, $ne, $nin, $not, $or, $range and $text")
	}
}

// between reads $range.
func (p *parser[T]) between(k Kind, v value) (node, error) {
	if v.shape != object || len(v.names) == 0 {
		return node{}, invalid("must have an object of $lt, $lte, $gt and $gte after $range")
	}
	parts := []node{}
	for i, name := range v.names {
		switch op := operator(name); op {
		case lt, lte, gt, gte:
			n, err := p.comparison(op, k, v.items[i:i+1])
			if err != nil {
				return node{}, err
			}
			parts = append(parts, n)
		default:
			return node{}, invalid("must have an object of $lt, $lte, $gt and $gte after $range")
		}
	}
	return conjunction(parts), nil
}

func (p *parser[T]) comparison(op operator, k Kind, values []value) (node, error) {
	n := node{op: op, operands: make([]operand, len(values))}
	if err := p.count(); err != nil {
		return node{}, err
	}
	for i, v := range values {
		if err := p.count(); err != nil {
			return node{}, err
		}
		var ok bool
		if n.operands[i], ok = operandOf(k, v); !ok {
			return node{}, invalid("has a value that does not suit its field or operator: " + suits[k])
		}
	}
	return n, nil
}

// suits tells what values a kind has.
var suits = map[Kind]string{
	Text: "a text is wanted", Words: "a text is wanted", Number: "a whole number is wanted", Flag: "true or false is wanted",
	Time: "seconds since 1970 are wanted, or a time like 20261122T150405Z",
}

// operandOf reads a value of a kind. Numbers and flags may come as text, as
// they do in the API's own examples.
func operandOf(k Kind, v value) (operand, bool) {
	o := operand{kind: k}
	switch k {
	case Text, Words:
		o.kind, o.text = Text, v.text
		return o, v.shape == str
	case Number, Time:
		if v.shape != number && v.shape != str {
			return o, false
		}
		if t, err := time.Parse(compact, v.text); k == Time && err == nil {
			o.number = t.Unix()
			return o, true
		}
		var err error
		o.number, err = strconv.ParseInt(v.text, 10, 64)
		return o, err == nil
	case Flag:
		isTrue := v.shape == boolean && v.flag || v.shape == str && v.text == "true"
		isFalse := v.shape == boolean && !v.flag || v.shape == str && v.text == "false"
		if isTrue {
			o.number = 1
		}
		return o, isTrue || isFalse
	default:
		return o, false
	}
}
