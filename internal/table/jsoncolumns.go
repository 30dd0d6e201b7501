package table

import (
	"encoding/json"
	"slices"
	"strconv"
)

// jsonColumn is the values of a column by their rows' keys, in order.
type jsonColumn struct {
	name   string
	keys   []string
	values []Value
}

// decodeRowOfColumns decodes an object of columns.
func decodeRowOfColumns(text []byte, start position) ([]jsonColumn, error) {
	if !json.Valid(text) {
		_, err := decodeRow(text, start)
		if err == nil {
			err = start.fault("is not JSON")
		}
		return nil, err
	}
	c := valueScanner{rest: text[1:]}
	var list []jsonColumn
	for c.peek() == '"' {
		name, err := decodeString(c.value())
		if err != nil || len(list) == MaxColumns {
			return nil, start.fault("has over %d columns", MaxColumns)
		}
		c.skip(':')
		column := jsonColumn{name: name}
		if err := column.fill(c.value()); err != nil {
			return nil, start.fault("the column %s cannot be read: %v", clip(name), err)
		}
		list = append(list, column)
		c.skip(',')
	}
	return list, nil
}

// skip takes a byte if it comes next.
func (c *valueScanner) skip(b byte) {
	if c.peek() == b {
		c.rest = c.rest[1:]
	}
}

func (j *jsonColumn) fill(text []byte) error {
	object := text[0] == '{'
	c := valueScanner{rest: text[1:]}
	for c.peek() != ']' && c.peek() != '}' {
		if object {
			key, err := decodeString(c.value())
			if err != nil {
				return err
			}
			j.keys = append(j.keys, key)
			c.skip(':')
		}
		value, err := decodeValue(c.value())
		if err != nil {
			return err
		}
		j.values = append(j.values, value)
		c.skip(',')
	}
	return nil
}

// rowsOf turns columns into rows, in the order of the first column's keys. Keys that are
// no numbers are the rows' own.
func rowsOf(columns []jsonColumn, start position) []record {
	places := map[string]int{}
	var rows []record
	for _, column := range columns {
		for i, value := range column.values {
			place := i
			if column.keys != nil {
				known := false
				if place, known = places[column.keys[i]]; !known {
					place = len(rows)
					places[column.keys[i]] = place
				}
			}
			if place == len(rows) {
				rows = append(rows, record{line: start.line, row: make(Row, 0, len(columns))})
			}
			rows[place].row = append(rows[place].row, Cell{column.name, value})
		}
	}
	for key, place := range places {
		if _, err := strconv.Atoi(key); err != nil {
			rows[place].row = withKey(rows[place].row, key)
		}
	}
	return rows
}

// isByColumn reports whether every member is a column: a list of values, or an object of
// values by their row's number or key.
func isByColumn(object []member) bool {
	known := false
	for i, m := range object {
		if m.scalar() || m.value[0] != object[0].value[0] {
			return false
		}
		known = known || describesProduct(m.key)
		if !m.isColumn() && (!m.cut || i == 0) {
			return false
		}
	}
	return known && (len(object) > 1 || object[0].value[0] == '{')
}

// isByColumnAndKey reports whether every member is an object of values by the same keys
// of rows, as data frames with an index of names are written. Texts by language, and
// objects around one text, are none.
func isByColumnAndKey(object []member) bool {
	if len(object) < 2 || !slices.ContainsFunc(object, func(m member) bool { return describesProduct(m.key) }) {
		return false
	}
	var keys []string
	for i, m := range object {
		if m.value[0] != '{' {
			return false
		}
		values := members(m.value)
		if i == 0 {
			keys = keysOf(values)
		}
		if len(values) < 2 || slices.ContainsFunc(values, member.noRowOfColumn) ||
			(!m.cut && !slices.Equal(keysOf(values), keys)) {
			return false
		}
	}
	return true
}

func keysOf(object []member) []string {
	keys := make([]string, len(object))
	for i, m := range object {
		keys[i] = m.key
	}
	return keys
}

// noRowOfColumn reports whether a member is no value of a column by its row's key.
func (m member) noRowOfColumn() bool {
	_, known := columns[string(fold(nil, m.key))]
	return known || m.value[0] == '{' || language.MatchString(m.key) ||
		slices.Contains(plainNames, m.key) || slices.Contains(addressNames, m.key)
}

func (m member) isColumn() bool {
	if m.value[0] == '[' {
		first := m.first()
		return len(first) > 0 && first[0] != '{' && first[0] != '['
	}
	values := members(m.value)
	if len(values) == 0 || slices.ContainsFunc(values, func(v member) bool { return v.value[0] == '{' }) {
		return false
	}
	_, err := strconv.Atoi(values[0].key)
	return err == nil
}
