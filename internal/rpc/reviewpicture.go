package rpc

import (
	"cmp"
	"context"
	"errors"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Items has the items of jobs. It is safe for concurrent use. Errors are faults or the
// context's.
type Items interface {
	// Item returns the item of a job with that index.
	Item(ctx context.Context, who catalog.Owner, id string, index int64) (*catalog.Item, error)
}

// Previews has small pictures of items. It is safe for concurrent use. Errors are faults of
// the picture, or the context's.
type Previews interface {
	Picture(ctx context.Context, item *catalog.Item, size int) (*catalog.Picture, error)
}

// usualPreview is the longest side of a picture if the caller does not say, in pixels.
const usualPreview = 96

// GetReviewPicture answers with the picture of a result's product.
func (r *reviews) GetReviewPicture(ctx context.Context, req *credenzav1.GetReviewPictureRequest) (*credenzav1.GetReviewPictureResponse, error) {
	item, err := r.items.Item(ctx, ownerOf(ctx), req.GetJobId(), req.GetIndex())
	if err != nil {
		return nil, err
	}
	picture, err := r.previews.Picture(ctx, item, cmp.Or(int(req.GetSize()), usualPreview))
	if err != nil {
		return nil, notShown(err)
	}
	return &credenzav1.GetReviewPictureResponse{Data: picture.Data, ContentType: picture.MediaType}, nil
}

// notShown says that a picture whose fault this is cannot be shown.
func notShown(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || !f.Reason.OfPicture() {
		return err
	}
	return fault.Wrap(err, fault.NotFound, "%s: %s", f.Reason, f.Message)
}
