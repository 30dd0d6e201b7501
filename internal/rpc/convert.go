package rpc

import (
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// maxEchoBytes is how much of an item's name comes back with its result.
const maxEchoBytes = 1 << 10

// text makes a string fit for the wire, where text must be UTF-8: one that was
// cut inside a character would otherwise break the whole stream.
func text(s string) string {
	if utf8.ValidString(s) { // several times faster than the rest
		return s
	}
	return strings.ToValidUTF8(s, "")
}

func texts(list []string) []string {
	if !slices.ContainsFunc(list, func(s string) bool { return !utf8.ValidString(s) }) {
		return list
	}
	clean := make([]string, len(list))
	for i, s := range list {
		clean[i] = text(s)
	}
	return clean
}

// itemFromProto shares the message's memory, which has no other user.
func itemFromProto(p *credenzav1.Item) *catalog.Item {
	return &catalog.Item{
		ID:          p.GetId(),
		Name:        p.GetProductName(),
		Description: p.GetDescription(),
		Type:        p.GetType(),
		Category:    p.GetCategory(),
		Styles:      p.GetStyles(),
		Tags:        p.GetTags(),
		PriceRange:  p.GetPriceRange(),
		ProductURL:  p.GetProductUrl(),
		ImageURL:    p.GetImageUrl(),
		ImageData:   p.GetImageData(),
		Attributes:  p.GetAttributes(),
	}
}

// The values of options that are not the default, which is catalog's zero value.
var (
	modes         = map[credenzav1.Mode]catalog.Mode{credenzav1.Mode_MODE_TEXT: catalog.ModeText, credenzav1.Mode_MODE_IMAGE: catalog.ModeImage}
	cachePolicies = map[credenzav1.CachePolicy]catalog.CachePolicy{
		credenzav1.CachePolicy_CACHE_POLICY_REFRESH: catalog.CacheRefresh, credenzav1.CachePolicy_CACHE_POLICY_BYPASS: catalog.CacheBypass,
	}
)

// optionsFromProto converts options that the checks have let through: each zero
// value, and with it each unspecified one, takes the default.
func optionsFromProto(mode credenzav1.Mode, p *credenzav1.ClassifyOptions) catalog.Options {
	o := catalog.Options{
		Mode:        modes[mode],
		BatchSize:   int(p.GetBatchSize()),
		CachePolicy: cachePolicies[p.GetCachePolicy()],
		Model:       p.GetModel(),
		ItemTimeout: p.GetItemTimeout().AsDuration(),
	}
	if p.GetDelivery() == credenzav1.Delivery_DELIVERY_IN_ORDER {
		o.Delivery = catalog.InOrder
	}
	if p.GetPriority() == credenzav1.Priority_PRIORITY_BULK {
		o.Priority = catalog.Bulk
	}
	if p.GetImageFallback() == credenzav1.ImageFallback_IMAGE_FALLBACK_ERROR {
		o.ImageFallback = catalog.FallbackError
	}
	return o
}

func batchToProto(b *catalog.Batch) *credenzav1.Batch {
	p := &credenzav1.Batch{
		BatchId:        b.ID,
		ProcessingType: b.Kind.ProcessingType(),
		Results:        make([]*credenzav1.ItemResult, len(b.Outcomes)),
		Timestamp:      timestamppb.New(b.At),
		Progress:       progressToProto(b.Progress),
	}
	for i := range b.Outcomes {
		p.Results[i] = outcomeToProto(&b.Outcomes[i])
	}
	return p
}

func outcomeToProto(o *catalog.Outcome) *credenzav1.ItemResult {
	name := o.Name
	if len(name) > maxEchoBytes {
		name = name[:maxEchoBytes]
	}
	p := &credenzav1.ItemResult{
		Index:       o.Index,
		ItemId:      text(o.ID),
		ProductName: text(name),
		ImageError:  itemErrorToProto(o.ImageErr),
		Trace:       traceToProto(&o.Trace),
	}
	if o.Err != nil {
		p.Outcome = &credenzav1.ItemResult_Error{Error: itemErrorToProto(o.Err)}
	} else {
		p.Outcome = &credenzav1.ItemResult_Classification{Classification: classificationToProto(&o.Classification)}
	}
	return p
}

func classificationToProto(v *catalog.Classification) *credenzav1.Classification {
	p := &credenzav1.Classification{
		Category:         text(v.Category),
		Confidence:       v.Confidence,
		ConfidenceSource: confidenceSources[v.ConfidenceSource],
		PrimaryStyle:     text(v.PrimaryStyle),
		StyleTags:        texts(v.StyleTags),
		PlacementTags:    texts(v.PlacementTags),
		Reasoning:        text(v.Reasoning),
		Evidence:         evidences[v.Evidence],
		NeedsReview:      v.NeedsReview,
		Alternatives:     alternativesToProto(v.Alternatives),
	}
	if v.SecondaryStyle != "" {
		style := text(v.SecondaryStyle)
		p.SecondaryStyle = &style
	}
	return p
}

func alternativesToProto(list []catalog.Alternative) []*credenzav1.Alternative {
	if len(list) == 0 {
		return nil
	}
	messages := make([]credenzav1.Alternative, len(list)) // one allocation for all
	out := make([]*credenzav1.Alternative, len(list))
	for i, a := range list {
		out[i] = &messages[i]
		out[i].Category, out[i].Probability = text(a.Category), a.Probability
	}
	return out
}

var confidenceSources = map[catalog.ConfidenceSource]credenzav1.ConfidenceSource{
	catalog.FromLogprobs: credenzav1.ConfidenceSource_CONFIDENCE_SOURCE_LOGPROBS,
	catalog.FromModel:    credenzav1.ConfidenceSource_CONFIDENCE_SOURCE_MODEL,
	catalog.FromLexicon:  credenzav1.ConfidenceSource_CONFIDENCE_SOURCE_LEXICON,
	catalog.NoConfidence: credenzav1.ConfidenceSource_CONFIDENCE_SOURCE_NONE,
}

var evidences = map[catalog.Evidence]credenzav1.Evidence{
	catalog.EvidencePicture: credenzav1.Evidence_EVIDENCE_PICTURE,
	catalog.EvidenceText:    credenzav1.Evidence_EVIDENCE_TEXT,
}

// errorReasons has the contract's value for each reason that an item can fail
// with. The names are the same in both.
var errorReasons = func() map[fault.Reason]credenzav1.ErrorReason {
	m := map[fault.Reason]credenzav1.ErrorReason{}
	for _, r := range fault.ItemReasons() {
		m[r] = credenzav1.ErrorReason(credenzav1.ErrorReason_value["ERROR_REASON_"+r.String()])
	}
	return m
}()

func itemErrorToProto(f *fault.Fault) *credenzav1.ItemError {
	if f == nil {
		return nil
	}
	reason, ok := errorReasons[f.Reason]
	if !ok { // a reason that only a call can have
		reason = credenzav1.ErrorReason_ERROR_REASON_INTERNAL
	}
	p := &credenzav1.ItemError{Reason: reason, Message: text(f.Message), Retryable: f.Retryable(), Summary: text(f.Summary())}
	if f.RetryAfter > 0 {
		p.RetryAfter = durationpb.New(f.RetryAfter)
	}
	return p
}

func traceToProto(t *catalog.Trace) *credenzav1.Trace {
	return &credenzav1.Trace{
		Attempts:           int32(t.Attempts),
		Cached:             t.Cached,
		Deduplicated:       t.Deduplicated,
		Backend:            t.Backend,
		Model:              text(t.Model),
		QueueTime:          durationpb.New(t.QueueTime),
		Latency:            durationpb.New(t.Latency),
		PromptTokens:       t.Usage.Prompt,
		CachedPromptTokens: t.Usage.CachedPrompt,
		CompletionTokens:   t.Usage.Completion,
		CacheWriteTokens:   t.Usage.CacheWrites,
		ReasoningTokens:    t.Usage.Reasoning,
		TaxonomyVersion:    t.Taxonomy,
		PromptVersion:      t.PromptVersion,
		DescriptionCut:     t.DescriptionCut,
	}
}

func summaryToProto(s *catalog.Summary) *credenzav1.Summary {
	return &credenzav1.Summary{
		Total:              s.Total,
		Succeeded:          s.Succeeded,
		Failed:             s.Failed,
		FailuresByReason:   s.FailuresByReason,
		Cached:             s.Cached,
		Deduplicated:       s.Deduplicated,
		UpstreamCalls:      s.UpstreamCalls,
		PromptTokens:       s.Usage.Prompt,
		CachedPromptTokens: s.Usage.CachedPrompt,
		CompletionTokens:   s.Usage.Completion,
		CacheWriteTokens:   s.Usage.CacheWrites,
		ReasoningTokens:    s.Usage.Reasoning,
		Elapsed:            durationpb.New(s.Elapsed),
		PeakConcurrency:    int32(s.PeakConcurrency),
	}
}

func taxonomyToProto(t *taxonomy.Taxonomy) *credenzav1.GetTaxonomyResponse {
	p := &credenzav1.GetTaxonomyResponse{Version: t.Version}
	for _, c := range t.Categories {
		p.Categories = append(p.Categories, &credenzav1.Category{
			Name: text(c.Name), Description: text(c.Description), Placements: texts(c.Placements),
		})
	}
	for _, s := range t.Styles {
		p.Styles = append(p.Styles, &credenzav1.Style{
			Name: text(s.Name), Description: text(s.Description),
			Keywords: texts(s.Keywords), Palette: texts(s.Palette), Tags: texts(s.Tags),
		})
	}
	return p
}
