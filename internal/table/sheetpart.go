package table

// sheetEncoder writes a row as a line of JSON: a list of its values. It is the half-done
// form of a sheet, since a spreadsheet file cannot be continued.
type sheetEncoder struct{ *jsonEncoder }

func (e *sheetEncoder) header([]string) error { return nil }

func (e *sheetEncoder) row(values []Value) error {
	e.buf.Reset()
	for i, v := range values {
		e.buf.WriteByte("[,"[min(i, 1)])
		if err := e.value(v); err != nil {
			return err
		}
	}
	e.buf.WriteString("]\n")
	_, err := e.out.Write(e.buf.Bytes())
	return err
}

func (e *sheetEncoder) objects() bool { return false }
