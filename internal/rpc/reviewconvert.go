package rpc

import (
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

var reviewOrders = map[credenzav1.ReviewOrder]catalog.ReviewOrder{
	credenzav1.ReviewOrder_REVIEW_ORDER_NAME:       catalog.ByName,
	credenzav1.ReviewOrder_REVIEW_ORDER_CATEGORY:   catalog.ByCategory,
	credenzav1.ReviewOrder_REVIEW_ORDER_CONFIDENCE: catalog.ByConfidence,
	credenzav1.ReviewOrder_REVIEW_ORDER_REVIEW:     catalog.ForReview,
}

var reviewStates = map[credenzav1.ReviewState]catalog.ReviewState{
	credenzav1.ReviewState_REVIEW_STATE_UNCHECKED: catalog.Unchecked,
	credenzav1.ReviewState_REVIEW_STATE_ACCEPTED:  catalog.Accepted,
	credenzav1.ReviewState_REVIEW_STATE_CORRECTED: catalog.Corrected,
}

var reviewStatesToProto = inverted(reviewStates)

func reviewFilterFromProto(p *credenzav1.ReviewFilter) catalog.ReviewFilter {
	f := catalog.ReviewFilter{State: reviewStates[p.GetState()], Query: p.GetQuery()}
	if p == nil {
		return f
	}
	f.Categories, f.Styles = p.GetCategories(), p.GetStyles()
	f.MinConfidence, f.MaxConfidence = p.MinConfidence, p.MaxConfidence
	f.NeedsReview, f.Failed = p.NeedsReview, p.Failed
	for _, reason := range p.GetReasons() {
		f.Reasons = append(f.Reasons, strings.TrimPrefix(reason.String(), "ERROR_REASON_"))
	}
	return f
}

func reviewItemToProto(i *catalog.ReviewItem, withRow bool) *credenzav1.ReviewItem {
	p := &credenzav1.ReviewItem{Result: outcomeToProto(&i.Outcome), HasPicture: i.HasPicture}
	if i.Correction != nil {
		p.Correction = correctionToProto(i.Correction)
	}
	if withRow {
		p.Row = &credenzav1.Row{Cells: texts(i.Cells)}
	}
	return p
}

func correctionFromProto(p *credenzav1.Correction) catalog.Correction {
	return catalog.Correction{
		Index: p.GetIndex(), Category: p.GetCategory(), PrimaryStyle: p.GetPrimaryStyle(), SecondaryStyle: p.GetSecondaryStyle(), Note: p.GetNote(),
	}
}

func correctionToProto(c *catalog.Correction) *credenzav1.Correction {
	return &credenzav1.Correction{
		Index: c.Index, Category: text(c.Category), PrimaryStyle: text(c.PrimaryStyle), SecondaryStyle: text(c.SecondaryStyle),
		Note: text(c.Note), Person: text(c.Person), Time: timeIfAny(c.At),
		State: reviewStatesToProto[c.State],
	}
}

func countsToProto(counts []catalog.NameCount) []*credenzav1.ReviewCount {
	list := make([]*credenzav1.ReviewCount, len(counts))
	for i, c := range counts {
		list[i] = &credenzav1.ReviewCount{Name: text(c.Name), Count: c.Count}
	}
	return list
}

// checkLabel returns a fault if a name is not empty and is not one of those that are known.
func checkLabel(field, kind, name string, known []string) error {
	if name == "" || slices.Contains(known, name) {
		return nil
	}
	if near := nearest(name, known); near != "" {
		return fault.Invalid(field, "the taxonomy has no such %s: did you mean %s?", kind, near)
	}
	if len(known) == 0 {
		return fault.Invalid(field, "the taxonomy has no %ss: leave it empty", kind)
	}
	return fault.Invalid(field, "the taxonomy has no such %s: give one of %s", kind, catalog.Clip(strings.Join(known, ", "), 1000))
}
