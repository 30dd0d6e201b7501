package table

import (
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// maxKnownColumns bounds the columns that are remembered of rows of any keys.
const maxKnownColumns = 10 * MaxColumns

// column returns what is known of the cell's column. One that the sample did not have is
// matched by its first value.
func (m *Mapping) column(cell Cell) *column {
	c := m.columns[cell.Key]
	if c == nil || len(c.values) == 0 && c.field == attribute && !c.hidden && !blankInFile(cell.Value) {
		c = &column{key: cell.Key, values: []Value{cell.Value}}
		m.match(c)
		c.forget()
		if len(m.columns) < maxKnownColumns {
			m.columns[cell.Key] = c
		}
	}
	return c
}

// Forget lets go of the sampled values, which take as much memory as their rows. String
// and Matches then show no more than the beginning of one value of a column.
func (m *Mapping) Forget() {
	for _, c := range m.sampled {
		c.forget()
	}
}

// forget keeps the beginning of one value, which shows that the column has been matched.
func (c *column) forget() {
	const shown = 64 // bytes
	if len(c.values) > 0 {
		c.values = []Value{TextValue(strings.Clone(catalog.Clip(c.values[0].String(), shown)))}
	}
}

// Item makes an item of a row. A row that only adds a picture or a variant to a product
// above it has the text and the picture of that product, and its own key if it has one,
// unless the rows are separate.
func (m *Mapping) Item(row Row) *catalog.Item {
	row = mended(row)
	columns := make([]*column, len(row))
	var winners [numFields]int // the winning cell's place plus 1
	for i, cell := range row {
		if cell.Value.Blank() {
			continue
		}
		c := m.column(cell)
		if c.field != fieldID && blankInFile(cell.Value) {
			continue // a key may be any word
		}
		columns[i] = c
		if best := winners[c.field]; best == 0 || c.rank < columns[best-1].rank {
			winners[c.field] = i + 1
		}
	}
	item := fillFromFile(row, columns, winners)
	if withoutPrice := *item; item.PriceRange != "" {
		withoutPrice.PriceRange = ""
		if !withoutPrice.HasText() && !withoutPrice.HasPicture() {
			item.PriceRange = "" // a sum below the rows, which no one can classify
		}
	}
	if m.config.Separate {
		return item
	}
	return m.products.resolve(item, row, columns)
}

// Repeats reports whether the row of the last item was one of a product above it.
func (m *Mapping) Repeats() bool { return m.products.repeats }

func fillFromFile(row Row, columns []*column, winners [numFields]int) *catalog.Item {
	item := &catalog.Item{}
	for i, cell := range row {
		c := columns[i]
		switch {
		case c == nil:
		case c.field != attribute && winners[c.field] == i+1:
			setFromFile(item, c.field, cell.Value)
		case c.hidden, c.field == fieldID, c.field == fieldImage, c.field == fieldPage, c.field == fieldPrice:
		case c.field != attribute && row[winners[c.field]-1].Value.String() == cell.Value.String():
			// The same text twice adds no information.
		default:
			addAttributeFromFile(item, cell)
		}
	}
	return item
}

// maxCellBytes is how much of a text is handed on: more than the classifier reads, so
// that it reports what it cuts off.
const maxCellBytes = 2 * catalog.MaxFieldBytes

func setFromFile(item *catalog.Item, f field, v Value) {
	switch f {
	case fieldImage:
		v = withoutTags(v)
		if picture, ok := dataURI(v); ok {
			item.ImageData = picture
		} else {
			item.ImageURL = addressOf(v)
		}
	case fieldPage:
		item.ProductURL = addressOf(v)
	case fieldCategory:
		item.Category = deepestPath(v)
	case fieldStyles, fieldTags:
		v.Text = catalog.Clip(v.Text, maxCellBytes)
		set(item, f, v)
	case fieldDescription:
		item.Description = v.String()
		if len(item.Description) > maxCellBytes {
			item.Description = catalog.ClipWords(catalog.VisibleText(item.Description), maxCellBytes)
		}
	default:
		set(item, f, v)
	}
}

// deepestPath returns the longest path of several: "Home, Home/Living, Home/Living/Sofas".
func deepestPath(v Value) string {
	text := v.String()
	best, most := "", 0
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '|' || r == ';' }) {
		if n := strings.Count(part, "/") + strings.Count(part, ">"); n > most {
			best, most = strings.TrimSpace(part), n
		}
	}
	if most == 0 {
		return text
	}
	return best
}

// Bounds of an attribute, in bytes. Long ones are prose, or data of other programs.
const (
	maxAttribute = 4 << 10
	maxObject    = 300
)

func addAttributeFromFile(item *catalog.Item, cell Cell) {
	text := cell.Value.String()
	if len(text) > maxObject && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[{")) {
		return
	}
	if len(text) > maxAttribute {
		text = catalog.Clip(catalog.ClipWords(catalog.VisibleText(text), maxAttribute), maxAttribute)
	}
	addAttribute(item, Cell{cell.Key, Value{Kind: Text, Text: text}})
}
