package rpc

import (
	"cmp"
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Reviews shows and corrects the results of jobs. It is safe for concurrent use. Errors are
// faults or the context's.
type Reviews interface {
	// List returns a part of a sorted list of results.
	List(ctx context.Context, q catalog.ReviewQuery) (catalog.ReviewPage, error)
	// Summarize counts the results that a filter lets through.
	Summarize(ctx context.Context, owner catalog.Owner, id string, f *catalog.ReviewFilter) (catalog.ReviewSummary, error)
	// Correct makes a change, or counts what it would change.
	Correct(ctx context.Context, q catalog.CorrectionRequest) (catalog.CorrectionResult, error)
	// Corrections returns a page of the corrections in force, by index.
	Corrections(ctx context.Context, q catalog.CorrectionQuery) (page []catalog.Correction, next string, err error)
}

// ListReviewItems answers with a part of a sorted list of results.
func (r *reviews) ListReviewItems(ctx context.Context, req *credenzav1.ListReviewItemsRequest) (*credenzav1.ListReviewItemsResponse, error) {
	page, err := r.review.List(ctx, catalog.ReviewQuery{
		Owner: ownerOf(ctx), ID: req.GetJobId(), Filter: reviewFilterFromProto(req.GetFilter()), Order: reviewOrders[req.GetOrder()],
		Descending: req.GetDescending(), Skip: req.GetSkip(), Size: pageSize(req.GetPageSize()), Rows: req.GetWithRows(),
	})
	if err != nil {
		return nil, err
	}
	res := &credenzav1.ListReviewItemsResponse{Total: page.Total, State: jobStates[page.State], Columns: texts(page.Columns)}
	bytes := 0
	for i := range page.Items {
		item := reviewItemToProto(&page.Items[i], page.Columns != nil)
		hideShared(ctx, item.GetResult())
		if bytes += proto.Size(item); i > 0 && bytes > maxPageBytes {
			break
		}
		res.Items = append(res.Items, item)
	}
	return res, nil
}

// SummarizeReview answers with counts of results.
func (r *reviews) SummarizeReview(ctx context.Context, req *credenzav1.SummarizeReviewRequest) (*credenzav1.SummarizeReviewResponse, error) {
	filter := reviewFilterFromProto(req.GetFilter())
	s, err := r.review.Summarize(ctx, ownerOf(ctx), req.GetJobId(), &filter)
	if err != nil {
		return nil, err
	}
	return &credenzav1.SummarizeReviewResponse{
		Total: s.Total, Categories: countsToProto(s.Categories), Styles: countsToProto(s.Styles), Reasons: countsToProto(s.Reasons),
		Confidences: s.Confidences[:], Unchecked: s.Unchecked, Accepted: s.Accepted, Corrected: s.Corrected,
		NeedsReview: s.NeedsReview, ToReview: s.ToReview, Reviewed: s.Reviewed,
	}, nil
}

// PutCorrections stores corrections.
func (r *reviews) PutCorrections(ctx context.Context, req *credenzav1.PutCorrectionsRequest) (*credenzav1.PutCorrectionsResponse, error) {
	owner := ownerOf(ctx)
	q := catalog.CorrectionRequest{
		Owner: owner, ID: req.GetJobId(), Person: cmp.Or(owner.Name, req.GetPerson()), Undo: req.GetUndo(), CountOnly: req.GetValidateOnly(),
	}
	for i, c := range req.GetList().GetCorrections() {
		if err := r.labels.check(fmt.Sprintf("list.corrections[%d]", i), c); err != nil {
			return nil, err
		}
		q.Corrections = append(q.Corrections, correctionFromProto(c))
	}
	if bulk := req.GetBulk(); bulk != nil {
		if err := r.labels.check("bulk.correction", bulk.GetCorrection()); err != nil {
			return nil, err
		}
		c := correctionFromProto(bulk.GetCorrection())
		c.Index = 0
		q.Bulk, q.Filter = &c, reviewFilterFromProto(bulk.GetFilter())
	}
	result, err := r.review.Correct(ctx, q)
	if err != nil {
		return nil, err
	}
	return &credenzav1.PutCorrectionsResponse{Changed: result.Changed, ChangeId: result.ChangeID}, nil
}

// ListCorrections answers with a page of corrections.
func (r *reviews) ListCorrections(ctx context.Context, req *credenzav1.ListCorrectionsRequest) (*credenzav1.ListCorrectionsResponse, error) {
	page, next, err := r.review.Corrections(ctx, catalog.CorrectionQuery{
		Owner: ownerOf(ctx), ID: req.GetJobId(), Size: pageSize(req.GetPageSize()), Token: req.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	res := &credenzav1.ListCorrectionsResponse{NextPageToken: next, Corrections: make([]*credenzav1.Correction, len(page))}
	for i := range page {
		res.Corrections[i] = correctionToProto(&page[i])
	}
	return res, nil
}

// pageSize returns how many results a page has at most.
func pageSize(asked int32) int {
	if asked <= 0 {
		return defaultResults
	}
	return min(int(asked), maxResults)
}

// labels are the names that a correction may have.
type labels struct{ categories, styles []string }

func labelsOf(t *taxonomy.Taxonomy) labels {
	var l labels
	for i := range t.Categories {
		l.categories = append(l.categories, t.Categories[i].Name)
	}
	for i := range t.Styles {
		l.styles = append(l.styles, t.Styles[i].Name)
	}
	return l
}

// check returns a fault if a correction has a name that is not in the taxonomy.
func (l *labels) check(path string, c *credenzav1.Correction) error {
	for _, label := range []struct {
		field, name, kind string
		known             []string
	}{
		{"category", c.GetCategory(), "category", l.categories},
		{"primary_style", c.GetPrimaryStyle(), "style", l.styles},
		{"secondary_style", c.GetSecondaryStyle(), "style", l.styles},
	} {
		if err := checkLabel(path+"."+label.field, label.kind, label.name, label.known); err != nil {
			return err
		}
	}
	return nil
}
