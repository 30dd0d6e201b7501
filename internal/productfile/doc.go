// Package productfile knows a file of products as a whole: what its columns become, its
// first rows, what its classification would take, and its rows as the items of a job.
//
// The problem: the command line and the service take the same files, and must see the same
// columns, count the same calls, and make the same items of them. Package table reads one
// row at a time and knows no file.
//
//	file -> Rows -> table.Mapping -> item of each row -> Estimate
//	                                                  -> job
//
// Rows reads up to the first row that can be read, so that a file that is none is refused
// before any work begins. Files does all of it for uploaded files, which it reads from the
// beginning each time: to describe one, to find the columns of one without a header, and to
// submit it. A row that cannot be read is an item without text, which fails in its place.
//
// The trade-off: a file of 256 MiB is read two or three times, in seconds, and none of it is
// kept in memory.
//
//	files := productfile.New(productfile.Config{Store: store, Words: prompt})
//	description, err := files.Describe(ctx, owner, productfile.View{Upload: id})
//	items, err := files.Items(ctx, owner, view)
//	defer items.Close()
package productfile
