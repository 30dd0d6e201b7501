package table

import "slices"

// findName makes a column of descriptions of a few words the name, else the first column of
// short texts that hardly repeat, if no column is known to be it. Names that are keys give
// way to such a description.
func (m *Mapping) findName() {
	named := func(c *column) bool { return c.field == fieldName }
	if slices.ContainsFunc(m.sampled, func(c *column) bool { return named(c) && c.rank < rankByValue }) || m.drops(fieldName) {
		return
	}
	for _, short := range []bool{true, false} { // as in price lists
		for _, c := range m.sampled {
			if c.field == fieldDescription && c.rank > rankExactColumn && shortDescriptions[foldName(c.key)] == short && c.hasFewWords() {
				c.field, c.rank = fieldName, rankByValue-1
				return
			}
		}
	}
	if slices.ContainsFunc(m.sampled, named) {
		return
	}
	const mostWords, mostBytes = 20, 150
	for _, c := range m.sampled {
		s := statsOf(c.values)
		if c.field == attribute && !c.hidden && s.values > 0 && !s.all(s.numbers) && s.digits*2 <= s.values*2 &&
			s.words > s.values && s.words <= mostWords*s.values && s.bytes <= mostBytes*s.values && 10*s.distinct >= 8*s.values {
			c.field, c.rank = fieldName, rankByValue
			return
		}
	}
}

// findType makes a column of short descriptions the type if there is neither a type nor
// another description, and they are a few words each, such as "Bar table, 51x51 cm".
func (m *Mapping) findType() {
	other := func(c *column) bool {
		return len(c.values) > 0 && (c.field == fieldType || c.field == fieldDescription && !shortDescriptions[foldName(c.key)])
	}
	if slices.ContainsFunc(m.sampled, other) || m.drops(fieldType) {
		return
	}
	for _, c := range m.sampled {
		if c.field == fieldDescription && c.rank > rankExactColumn && shortDescriptions[foldName(c.key)] && c.hasFewWords() {
			c.field, c.rank = fieldType, rankByValue
			return
		}
	}
}

// hasFewWords reports whether a column of texts has no more than a few words in each.
func (c *column) hasFewWords() bool {
	const few = 8
	s := statsOf(c.values)
	return s.values > 0 && s.words <= few*s.values
}
