// Package inflate unpacks what callers send compressed by gzip.
//
// The problem: a kilobyte of gzip holds up to a megabyte, and some kilobytes after
// it another gigabyte, so that a limit on what arrives does not bound what it takes
// in memory. Checked after the unpacking, a limit on the unpacked form comes too
// late.
//
//	caller -> compressed bytes -> Reader -> bytes, at most Limits.Bytes -> message or rows
//
// Reader is the one place through which all unpacked bytes pass. It bounds the
// compressed form, since a stream of empty blocks unpacks to nothing for ever, the
// unpacked form, and the ratio of both: once the first 4 MiB are out, one byte may
// become 200 at most. Catalogues reach 10 to 80, gzip itself 1,032. So a message
// that was made to be large is refused after 4 MiB, while its caller has sent some
// kilobytes. Limits.Charge is told of all unpacked bytes before they are handed on;
// without it, Limits.Bytes alone bounds what one message takes.
//
// The trade-off: a long list of equal items without any difference is refused too,
// and has to be sent uncompressed.
//
//	in := inflate.NewReader(body, inflate.Limits{Bytes: 64 << 20})
//	message, err := io.ReadAll(in)
package inflate
