package table

// SetMaxEmpty sets how many bytes of a sheet may go by without a value, and returns a
// function that sets it back.
func SetMaxEmpty(n int) (undo func()) {
	before := maxEmpty
	maxEmpty = n
	return func() { maxEmpty = before }
}
