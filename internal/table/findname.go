package table

import "slices"

// findName makes the first column of short texts that hardly repeat the name, if no
// column is known to be it.
func (m *Mapping) findName() {
	if slices.ContainsFunc(m.sampled, func(c *column) bool { return c.field == fieldName }) || m.drops(fieldName) {
		return
	}
	for _, c := range m.sampled {
		const fewWords = 8
		s := statsOf(c.values)
		if c.field == fieldDescription && c.rank > rankExactColumn && !shortDescriptions[foldName(c.key)] && s.values > 0 && s.words <= fewWords*s.values {
			c.field, c.rank = fieldName, rankByValue // as in price lists
			return
		}
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
	const fewWords = 8
	for _, c := range m.sampled {
		s := statsOf(c.values)
		if c.field == fieldDescription && c.rank > rankExactColumn && shortDescriptions[foldName(c.key)] && s.values > 0 && s.words <= fewWords*s.values {
			c.field, c.rank = fieldType, rankByValue
			return
		}
	}
}
