package resultfile

import (
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// Result is the result of one item, as clients get it, with what people made of it.
type Result struct {
	*credenza.Result
	Review *catalog.Correction // nil: no person has looked at it
}

// UnseenPicture returns why an answer does not come from the picture, nil if it does. The
// offline classifier sees none, which is not a fault of each row.
func UnseenPicture(r *credenza.Result) *credenza.ItemError {
	if r.Err != nil || r.Trace.Backend == "offline" {
		return nil //nolint:nilerr // the row has an error of its own
	}
	return r.ImageErr
}
