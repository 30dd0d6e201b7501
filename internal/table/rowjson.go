package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

var errNoRow = errors.New("a row must be an object")

// UnmarshalJSON reads an object of any keys. Numbers and booleans become their
// text, arrays lists, objects within it their JSON; of equal keys the last one
// wins. Bare NaN is not JSON: see ReplaceNaN.
//
// It cuts the object up by itself, in less than half of the time that
// json.Decoder's tokens take. As encoding/json's contract has it, the data is
// known to be valid JSON.
func (r *Row) UnmarshalJSON(data []byte) error {
	c := valueScanner{rest: data}
	if c.peek() != '{' {
		return errNoRow
	}
	c.rest = c.rest[1:]
	row := rowBuilder{row: make(Row, 0, 16)}
	for c.peek() != '}' {
		cell, err := c.cell()
		if err != nil {
			return err
		}
		if row.set(cell); len(row.row) > MaxColumns {
			return fmt.Errorf("a row has at most %d keys", MaxColumns)
		}
		if c.peek() == ',' {
			c.rest = c.rest[1:]
		}
	}
	*r = row.row
	return nil
}

// fewCells is how many cells are searched one by one, which is faster than a map.
const fewCells = 32

// rowBuilder collects cells. Of cells with the same key, the last one counts.
type rowBuilder struct {
	row    Row
	places map[string]int // of more than fewCells
}

func (b *rowBuilder) set(cell Cell) {
	i := b.find(cell.Key)
	if i >= 0 {
		b.row[i].Value = cell.Value
		return
	}
	b.row = append(b.row, cell)
	if b.places != nil {
		b.places[cell.Key] = len(b.row) - 1
	}
}

// find returns the place of a key's cell, or -1.
func (b *rowBuilder) find(key string) int {
	if len(b.row) <= fewCells {
		return slices.IndexFunc(b.row, func(c Cell) bool { return c.Key == key })
	}
	if b.places == nil {
		b.places = make(map[string]int, 2*len(b.row))
		for i := range b.row {
			b.places[b.row[i].Key] = i
		}
	}
	if i, ok := b.places[key]; ok {
		return i
	}
	return -1
}

// valueScanner reads values from valid JSON.
type valueScanner struct{ rest []byte }

// peek skips white space and returns the byte behind it, 0 at the end.
func (c *valueScanner) peek() byte {
	c.rest = bytes.TrimLeft(c.rest, " \t\r\n")
	if len(c.rest) == 0 {
		return 0
	}
	return c.rest[0]
}

// value reads the next value.
func (c *valueScanner) value() []byte {
	end := 0
	switch c.peek() {
	case 0:
	case '"':
		end = endOfString(c.rest, 0) + 1
	case '{', '[':
		var o objectScanner
		for end < len(c.rest) && !o.step(c.rest[end]) {
			end++
		}
		end = min(end+1, len(c.rest))
	default:
		for end < len(c.rest) && !bytes.ContainsRune([]byte(",:]} \t\r\n"), rune(c.rest[end])) {
			end++
		}
	}
	value := c.rest[:end]
	c.rest = c.rest[end:]
	return value
}

func (c *valueScanner) cell() (Cell, error) {
	if c.peek() != '"' {
		return Cell{}, errNoRow
	}
	key, err := decodeString(c.value())
	if err != nil {
		return Cell{}, err
	}
	if c.peek() != ':' {
		return Cell{}, errNoRow
	}
	c.rest = c.rest[1:]
	raw := c.value()
	value, err := decodeValue(raw)
	if value.Kind == Number && isKeyName(key) {
		value.Text = string(raw) // digit by digit
	}
	return Cell{key, value}, err
}

func decodeValue(raw []byte) (Value, error) {
	if len(raw) == 0 {
		return Value{}, errNoRow
	}
	switch raw[0] {
	case 'n':
		return Value{}, nil
	case 't', 'f':
		return BoolValue(raw[0] == 't'), nil
	case '"':
		text, err := decodeString(raw)
		return TextValue(text), err
	case '[':
		return decodeList(raw)
	case '{':
		return compactValue(raw)
	default:
		return Value{Kind: Number, Text: numberText(string(raw))}, nil
	}
}

// decodeString decodes a string. It uses encoding/json for escapes and invalid UTF-8.
func decodeString(raw []byte) (string, error) {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err
}

// maxList is how many elements a list may have. No product has so many tags.
const maxList = 10_000

// decodeList decodes a list. A list within it stays JSON text, so that a hostile row
// causes no recursion. A list of more than maxList elements stays JSON text too, which
// is too long for any field of an item.
func decodeList(raw []byte) (Value, error) {
	c := valueScanner{rest: raw[1:]}
	list := []string{}
	for c.peek() != ']' {
		element := c.value()
		decode := decodeValue
		if bytes.HasPrefix(element, []byte("[")) {
			decode = compactValue
		}
		value, err := decode(element)
		if err != nil {
			return Value{}, err
		}
		if list = append(list, value.Text); len(list) > maxList {
			return compactValue(raw)
		}
		if c.peek() == ',' {
			c.rest = c.rest[1:]
		}
	}
	return ListValue(list), nil
}

func compactValue(raw []byte) (Value, error) {
	var compact bytes.Buffer
	err := json.Compact(&compact, raw)
	return TextValue(string(bytes.ToValidUTF8(compact.Bytes(), []byte("\ufffd")))), err
}
