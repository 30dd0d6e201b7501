// Package partfile keeps a file of results that may take several runs of a program.
//
// The problem: results cost money and arrive in any order, while the file has them in
// order. A program that is killed must not lose what it has paid for, and the finished
// file must not differ from that of a single run.
//
//	results -> Keep (journal) -> Write (FILE.part) -> Mark -> ... -> Finish (rename)
//
// FILE.part is the beginning of the finished file and readable at any time. Next to it,
// FILE.part.journal has what the beginning alone does not tell: how many rows it stands
// for, a hash of these rows, and the results that wait for an earlier one. A result is in
// the journal before it is in the file, and both are written at once, without a buffer.
// So a program that is killed loses nothing that Keep has returned for. The journal is
// rewritten without what is in the file once that is most of it: it stays as small as the
// results that wait, and the latest answers, which it keeps for later rows that ask the
// same.
//
// After a crash, what was written after the last mark is cut off and written again from
// the journal. A power cut may lose the results of the last seconds: only Finish and
// Close wait for the disk.
package partfile
