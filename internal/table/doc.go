// Package table reads rows of products from CSV and JSON, maps them to items by
// their column names, and writes rows of results.
//
// Catalogues come out of spreadsheets and data frames. One file calls the name
// "Product Name", the next one "title"; one separates by semicolons, one starts
// with a byte order mark, one has "nan" for empty cells. This package handles all of
// that, for files and for the rows of an HTTP request:
//
//	file -> Reader -> Row -> Mapping -> catalog.Item
//	JSON request -> Row (UnmarshalJSON) -> MapRow -> catalog.Item
//	results -> []Value -> Writer -> CSV, JSON lines or an aligned table
//
// A reader holds one row in memory, whatever the size of the file. So a mistake in the
// last line is found after the first rows were returned. The reader is strict and names
// the file, the line and the column; the caller decides about the rows before.
//
// Columns of a file are matched once, by their names and by a sample of their values; each
// row of a request is matched on its own, by fewer names.
//
//	r, err := table.NewReader(f, table.ReaderConfig{Name: "sofas.csv"})
//	mapping, err := table.NewMapping(sample, table.MappingConfig{})
//	for {
//		row, err := r.Read()
//		if err == io.EOF { break }
//		item := mapping.Item(row)
//	}
package table
