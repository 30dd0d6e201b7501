package table

// SetMaxEmpty sets how many bytes of a sheet may go by without a value, and returns a
// function that sets it back.
func SetMaxEmpty(n int) (undo func()) { return swap(&maxEmpty, n) }

// SetMaxTail sets how many bytes a sheet may have, and how many tags behind its rows, for
// these to be read. It returns a function that sets them back.
func SetMaxTail(size int64, tags int) (undo func()) {
	undoSize, undoTags := swap(&maxTailScan, size), swap(&maxTail, tags)
	return func() { undoSize(); undoTags() }
}

func swap[T any](value *T, with T) (undo func()) {
	before := *value
	*value = with
	return func() { *value = before }
}
