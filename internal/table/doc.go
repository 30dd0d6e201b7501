// Package table reads rows of products from files of many kinds, maps them to items by
// their column names, and writes rows of results.
//
// Catalogues come out of spreadsheets and data frames. One file calls the name
// "Product Name", the next one "title"; one separates by semicolons, one starts
// with a byte order mark, one has "nan" for empty cells. This package handles all of
// that, for files and for the rows of a request:
//
//	file -> Reader -> Row -> Mapping -> catalog.Item
//	call's columns and cells -> Columns -> Row -> Mapping -> catalog.Item
//	JSON request -> Row (UnmarshalJSON) -> MapRow -> catalog.Item
//	results -> []Value -> Writer -> CSV, JSON lines or an aligned table
//
// What a file is called does not matter; its first bytes say what it is: CSV in any
// encoding and with any separator, XLSX, JSON, Parquet, a feed in XML, a table in HTML,
// or one of these compressed by gzip or alone in a zip archive. Other kinds are named, with the way out.
//
// A reader holds one row in memory, or one page of each column of Parquet, whatever the
// size of the file. So a mistake in the last line is found after the first rows were
// returned. A row that cannot be read is a RowError, which names the file and the line,
// and the reader goes on; only what makes the rest unreadable ends it.
//
// XLSX, feeds in XML and pages are read by the tokenizer of HTML, one tag at a time.
//
// Columns of a file or a call are matched once, by their names and by a sample of their
// values; each row of a JSON request is matched on its own, by fewer names.
//
//	r, err := table.NewReader(f, table.ReaderConfig{Name: "sofas.csv"})
//	mapping, err := table.NewMapping(sample, table.MappingConfig{})
//	for {
//		row, err := r.Read()
//		if errors.Is(err, io.EOF) { break }
//		if _, ofRow := errors.AsType[*table.RowError](err); ofRow { continue }
//		item := mapping.Item(row)
//	}
package table
