// Package resultfile knows the columns of files of results, and writes their rows.
//
// The problem: the command line and the service write the same files, of which a column has
// one name, one order and one form everywhere: a sheet shows numbers, JSON lines have
// everything, a table on a terminal what people read.
//
//	Layout -> names of the columns
//	Result, cells of the input -> Writer -> table.Writer -> CSV, JSON lines, a table,
//	                                                        or what table.WriteSheet reads
//
// A Result is that of the public client, which has texts in place of the contract's enums, so
// that a command can write what a newer service has answered.
//
//	w, err := resultfile.New(out, resultfile.Layout{Format: table.CSV, Inputs: header, Prefix: "credenza_"}, 0, 0)
//	err = w.Write(&resultfile.Row{Result: result, Cells: cells})
//	err = w.Flush(true)
package resultfile
