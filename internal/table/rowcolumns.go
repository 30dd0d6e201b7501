package table

// Columns are the named columns of rows that come without a file. They are safe for
// concurrent use.
type Columns struct {
	names []string // without white space around them
	keys  []string // of the rows' cells: the names, each once; empty for none
}

// NewColumns names columns, of which there are at most MaxColumns. Names may repeat and
// may be empty, as in a file.
func NewColumns(names []string) *Columns {
	trimmed := trimAll(names)
	return &Columns{trimmed, uniqueKeys(trimmed)}
}

// Keys returns the keys of the rows' cells, one for each column; that of a first column
// without a name is empty.
func (c *Columns) Keys() []string { return c.keys }

// Row makes a row of cells, at most one for each column. Missing cells are blank.
func (c *Columns) Row(cells []string) Row { return rowOf(c.names, c.keys, cells) }

// rowOf makes a row of cells. The first column has no cell if it has no name, and others
// without a name have one if it is not empty.
func rowOf(names, keys, cells []string) Row {
	row := make(Row, 0, len(keys))
	for i, key := range keys {
		text := ""
		if i < len(cells) {
			text = unwrapFormula(cells[i])
		}
		if key == "" || (text == "" && names[i] == "") {
			continue
		}
		row = append(row, Cell{key, TextValue(text)})
	}
	return row
}
