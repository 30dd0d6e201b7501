package table

import (
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
)

// ColumnChoice is a caller's word on a column: it fills the field. Without a name, no
// column fills the field, and those that would are left out.
type ColumnChoice struct{ Field, Name string }

// ParseColumnChoice reads "field=NAME" or "field=".
func ParseColumnChoice(text string) (ColumnChoice, error) {
	name, column, ok := strings.Cut(text, "=")
	choice := ColumnChoice{strings.TrimSpace(name), strings.TrimSpace(column)}
	if !ok || choice.Field == "" {
		return choice, fault.Invalid("column", "%q is not as in field=NAME: write such as product_name=Titel, or price= to leave the price out", clip(text))
	}
	return choice, choice.Check()
}

// Check returns an error if a column is chosen for a field that there is not.
func (c ColumnChoice) Check() error {
	if _, ok := c.field(); !ok && c.Name != "" {
		return c.noField(fieldNames)
	}
	return nil
}

func (c ColumnChoice) noField(names []string) error {
	return fault.Invalid("column", "%q is not a field: give one of %s", clip(c.Field), strings.Join(names, ", "))
}

// fieldNames are the names of the fields, by field, as in choices and descriptions.
var fieldNames = []string{
	attribute: "attribute", fieldID: "id", fieldName: "product_name", fieldDescription: "description", fieldType: "type", fieldCategory: "category",
	fieldStyles: "styles", fieldTags: "tags", fieldPrice: "price", fieldImage: "image_url", fieldPage: "product_url", leftOut: "parent",
}

var fieldAliases = map[string]field{"name": fieldName, "title": fieldName, "style": fieldStyles, "image": fieldImage, "url": fieldPage, "page": fieldPage, "key": fieldID, "pricerange": fieldPrice, "attributes": attribute}

// field returns the field of a choice.
func (c ColumnChoice) field() (field, bool) {
	name := string(fold(nil, c.Field))
	for f, known := range fieldNames {
		if string(fold(nil, known)) == name {
			if field(f) == leftOut {
				return fieldParent, true
			}
			return field(f), true
		}
	}
	f, ok := fieldAliases[name]
	return f, ok
}

// choice is a ColumnChoice that is compared with many columns.
type choice struct {
	asked   ColumnChoice
	field   field
	known   bool       // the field
	name    columnName // of the column; empty: none
	leftOut columnName // of the column that is left out if the field is not known
}

func choicesOf(asked []ColumnChoice) []choice {
	choices := make([]choice, len(asked))
	for i, c := range asked {
		f, known := c.field()
		choices[i] = choice{c, f, known, newColumnName(c.Name), newColumnName(c.Field)}
	}
	return choices
}
