package picture

import (
	"context"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Blind is a source for backends that cannot see: each picture is a fault that
// says so, and the item is answered from its text.
type Blind struct{}

// Picture returns an ImageUnsupported fault.
func (Blind) Picture(context.Context, *catalog.Item) (*catalog.Picture, error) {
	return nil, fault.New(fault.ImageUnsupported,
		"the offline classifier cannot see pictures and goes by the text: set OPENAI_API_KEY or OPENAI_BASE_URL for a model that can")
}
