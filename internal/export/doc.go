// Package export writes a job's results as a file: the columns of the input, what the
// machine has answered, and what people made of it.
//
// The problem: results are stored in the order in which they came, and a file has the order
// of the catalogue, of any size. A sheet is even made of rows that are all there.
//
//	results and rows, as stored -> spool on disk -> by index, with corrections -> resultfile.Writer -> file
//
// The spool is a temporary file; in memory are the places of its records, 24 bytes for each
// result, and the corrections.
//
// The trade-off: nothing is sent before all results were read, which takes some seconds for
// 100,000 of them.
//
//	exports := export.New(jobs, corrections)
//	file, err := exports.Open(ctx, owner, jobID, export.CSV)
//	defer file.Close()
//	err = file.Write(ctx, out)
package export
