package table

import "bytes"

// rowJSON is the kind of a value that is JSON already.
const rowJSON Kind = 100

// RowValue returns a row as one value: an object in JSON, its JSON as text elsewhere.
func RowValue(row Row) (Value, error) {
	e := newJSONEncoder(nil)
	var text bytes.Buffer
	text.WriteByte('{')
	for i, cell := range row {
		e.buf.Reset()
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if err := e.text(cell.Key); err != nil {
			return Value{}, err
		}
		e.buf.WriteByte(':')
		if err := e.value(cell.Value); err != nil {
			return Value{}, err
		}
		text.Write(e.buf.Bytes())
	}
	text.WriteByte('}')
	return Value{Kind: rowJSON, Text: text.String()}, nil
}
