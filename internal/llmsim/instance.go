package llmsim

import (
	"math"
	"strconv"
)

// span is where an instance holds one of several choices.
type span struct {
	start, end int
	node       *node
	choice     int
}

// instance is a JSON text that follows a schema. Its memory is used again.
type instance struct {
	text  []byte
	spans []span
	dice  dice
}

// Where a schema is too much for these, the instance ends with nulls that do not
// follow it.
const (
	maxDepth    = 32      // schemas that contain themselves without a way out
	maxInstance = 1 << 20 // bytes: arrays of large arrays
)

// fill writes the instance that belongs to a subject.
func (in *instance) fill(root *node, subject uint64) {
	in.text, in.spans = in.text[:0], in.spans[:0]
	in.dice = newDice(subject, 0)
	in.value(root, 0, place{})
}

// place is where a value stands in an array, so that neighbours differ.
type place struct {
	listed bool
	start  int // random, the same for the whole array
	index  int
}

func (in *instance) value(n *node, depth int, at place) {
	if depth > maxDepth || len(in.text) > maxInstance || n.nullable && (depth > maxDepth/4 || in.dice.below(4) == 0) {
		in.text = append(in.text, "null"...)
		return
	}
	switch n.kind {
	case kindObject:
		in.object(n, depth)
	case kindArray:
		in.array(n, depth)
	case kindChoice:
		in.choice(n, at)
	case kindOption:
		in.value(in.option(n, depth), depth+1, at)
	case kindInteger, kindNumber:
		in.number(n)
	case kindBoolean:
		in.text = strconv.AppendBool(in.text, in.dice.below(2) == 0)
	case kindNull:
		in.text = append(in.text, "null"...)
	case kindString:
		in.str(n, at)
	}
}

func (in *instance) object(n *node, depth int) {
	in.text = append(in.text, '{')
	for i, member := range n.nodes {
		if i > 0 {
			in.text = append(in.text, ',')
		}
		in.text = append(in.text, n.keys[i]...)
		in.text = append(in.text, ':')
		in.value(member, depth+1, place{})
	}
	in.text = append(in.text, '}')
}

func (in *instance) array(n *node, depth int) {
	most := n.maxItems
	if n.items.kind == kindChoice {
		most = max(n.minItems, min(most, len(n.items.choices)))
	}
	count := n.minItems + in.dice.below(most-n.minItems+1)
	if depth > maxDepth/4 {
		count = n.leastItems // a schema that contains itself ends here
	}
	at := place{listed: true, start: in.dice.below(1 << 16)}
	in.text = append(in.text, '[')
	for i := range count {
		if len(in.text) > maxInstance {
			break
		}
		if i > 0 {
			in.text = append(in.text, ',')
		}
		at.index = i
		in.value(n.items, depth+1, at)
	}
	in.text = append(in.text, ']')
}

func (in *instance) choice(n *node, at place) {
	i := in.dice.below(len(n.choices))
	if at.listed {
		i = (at.start + at.index) % len(n.choices)
	}
	start := len(in.text)
	in.text = append(in.text, n.choices[i]...)
	if len(n.choices) > 1 {
		in.spans = append(in.spans, span{start, len(in.text), n, i})
	}
}

// option picks an alternative. Deep down it takes one that ends, if there is one.
func (in *instance) option(n *node, depth int) *node {
	if depth > maxDepth/4 {
		for _, o := range n.options {
			if o.kind != kindObject && o.kind != kindOption {
				return o
			}
		}
	}
	return n.options[in.dice.below(len(n.options))]
}

func (in *instance) number(n *node) {
	if n.step > 0 {
		steps := math.Floor((n.high-n.low)/n.step + 0.5)
		v := n.low + math.Floor(in.dice.float()*(steps+1))*n.step
		in.text = appendNumber(in.text, min(v, n.high))
		return
	}
	v := n.low + in.dice.float()*(n.high-n.low)
	// Two decimals are what a model writes; the ends hold all the same.
	in.text = appendNumber(in.text, min(max(math.Round(v*100)/100, n.low), n.high))
}

func appendNumber(dst []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
