package table

import "bytes"

// productLists are the names of lists in which a group, such as a category of a menu, has
// its products. A set with its parts names them otherwise.
var productLists = map[string]bool{
	"products": true, "produkte": true, "produits": true, "productos": true, "prodotti": true, "produtos": true,
}

// groupRows returns the products of an object that is a group of them and no product, nil
// for other objects. The group's name is their category.
func groupRows(text []byte, start position) []record {
	if !bytes.Contains(text, []byte(`"prod`)) && !bytes.Contains(text, []byte(`"Prod`)) {
		return nil // as nearly always
	}
	list, group := member{}, ""
	for _, m := range members(text) {
		name := fold(nil, m.key)
		known, ok := columns[string(name)]
		switch {
		case productLists[string(name)] && m.listScore() == maxListScore:
			list = m
		case m.cut, ok && (known.field == fieldPrice || known.field == fieldImage || known.field == fieldPage):
			return nil // it is a product with others, such as a set
		case m.scalar() && describesProduct(m.key) && group == "":
			if value, err := decodeValue(m.value); err == nil {
				group = value.String()
			}
		}
	}
	if list.value == nil {
		return nil
	}
	return list.records(group, start)
}

// records returns the rows of a list, nil if one of them is none.
func (m member) records(group string, start position) []record {
	var rows []record
	c := valueScanner{rest: m.value[1:]}
	for c.peek() == '{' {
		row, err := decodeRow(c.value(), start)
		if err != nil {
			return nil
		}
		if _, ok := row.Get("category"); !ok && group != "" && len(row) < MaxColumns {
			row = append(row, Cell{"category", TextValue(group)})
		}
		rows = append(rows, record{line: start.line, row: row})
		c.skip(',')
	}
	if c.peek() != ']' {
		return nil
	}
	return rows
}
