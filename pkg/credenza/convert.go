package credenza

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// text returns s as valid UTF-8, which protobuf needs: one invalid byte in an item would
// fail the whole call.
func text(s string) string {
	if utf8.ValidString(s) { // several times faster than the rest
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func texts(list []string) []string { return converted(list, text) }

func textMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for key, value := range m {
		out[text(key)] = text(value)
	}
	return out
}

// converted returns what convert makes of each element, nil for an empty list.
func converted[From, To any](list []From, convert func(From) To) []To {
	if len(list) == 0 {
		return nil
	}
	out := make([]To, len(list))
	for i, from := range list {
		out[i] = convert(from)
	}
	return out
}

func itemToProto(it Item) *credenzav1.Item {
	return &credenzav1.Item{
		Id:          text(it.ID),
		ProductName: text(it.ProductName),
		Description: text(it.Description),
		Type:        text(it.Type),
		Category:    text(it.Category),
		Styles:      texts(it.Styles),
		Tags:        texts(it.Tags),
		PriceRange:  text(it.PriceRange),
		ProductUrl:  text(it.ProductURL),
		ImageUrl:    text(it.ImageURL),
		ImageData:   it.ImageData,
		Attributes:  textMap(it.Attributes),
	}
}

// valueAt returns one of an enum's values by its place. For an invalid place it returns an
// invalid value, so that the server names the field in its error.
func valueAt[E ~int32](place int, values ...E) E {
	if place < 0 || place >= len(values) {
		return -1
	}
	return values[place]
}

func modeToProto(m Mode) credenzav1.Mode {
	return valueAt(int(m), credenzav1.Mode_MODE_AUTO, credenzav1.Mode_MODE_TEXT, credenzav1.Mode_MODE_IMAGE)
}

func cacheToProto(p CachePolicy) credenzav1.CachePolicy {
	return valueAt(int(p), credenzav1.CachePolicy_CACHE_POLICY_USE, credenzav1.CachePolicy_CACHE_POLICY_REFRESH,
		credenzav1.CachePolicy_CACHE_POLICY_BYPASS)
}

func optionsToProto(o Options) *credenzav1.ClassifyOptions {
	p := &credenzav1.ClassifyOptions{
		BatchSize:   clampInt32(o.BatchSize),
		CachePolicy: cacheToProto(o.Cache),
		Model:       text(o.Model),
	}
	if o.InOrder {
		p.Delivery = credenzav1.Delivery_DELIVERY_IN_ORDER
	}
	if o.Bulk {
		p.Priority = credenzav1.Priority_PRIORITY_BULK
	}
	if o.FailWithoutPicture {
		p.ImageFallback = credenzav1.ImageFallback_IMAGE_FALLBACK_ERROR
	}
	if o.ItemTimeout != 0 {
		p.ItemTimeout = durationpb.New(o.ItemTimeout)
	}
	return p
}

// clampInt32 converts n. A number that does not fit becomes the nearest one that does,
// which the server refuses too.
func clampInt32(n int) int32 {
	return int32(min(max(int64(n), -1<<31), 1<<31-1))
}

func resultFromProto(p *credenzav1.ItemResult) Result {
	r := Result{
		Index:       p.GetIndex(),
		ItemID:      p.GetItemId(),
		ProductName: p.GetProductName(),
		Err:         itemErrorFromProto(p.GetError()),
		ImageErr:    itemErrorFromProto(p.GetImageError()),
		Trace:       traceFromProto(p.GetTrace()),
	}
	if c := p.GetClassification(); c != nil {
		r.Classification = classificationFromProto(c)
	} else if r.Err == nil {
		// An outcome that this version of the client does not know.
		r.Err = &ItemError{Reason: ReasonInternal, Message: "the server sent no outcome that this client can read: update it"}
	}
	return r
}

func classificationFromProto(p *credenzav1.Classification) Classification {
	return Classification{
		Category:         p.GetCategory(),
		Confidence:       p.GetConfidence(),
		ConfidenceSource: enumName(p.GetConfidenceSource().String(), "CONFIDENCE_SOURCE_"),
		PrimaryStyle:     p.GetPrimaryStyle(),
		SecondaryStyle:   p.GetSecondaryStyle(),
		StyleTags:        p.GetStyleTags(),
		PlacementTags:    p.GetPlacementTags(),
		Reasoning:        p.GetReasoning(),
		Evidence:         enumName(p.GetEvidence().String(), "EVIDENCE_"),
		NeedsReview:      p.GetNeedsReview(),
		Alternatives:     converted(p.GetAlternatives(), alternativeFromProto),
	}
}

func alternativeFromProto(p *credenzav1.Alternative) Alternative {
	return Alternative{Category: p.GetCategory(), Probability: p.GetProbability()}
}

func itemErrorFromProto(p *credenzav1.ItemError) *ItemError {
	if p == nil {
		return nil
	}
	return &ItemError{
		Reason:     Reason(enumName(p.GetReason().String(), "ERROR_REASON_")),
		Message:    p.GetMessage(),
		Retryable:  p.GetRetryable(),
		RetryAfter: p.GetRetryAfter().AsDuration(),
		Summary:    p.GetSummary(),
	}
}

func traceFromProto(p *credenzav1.Trace) Trace {
	return Trace{
		Attempts:           int(p.GetAttempts()),
		Cached:             p.GetCached(),
		Deduplicated:       p.GetDeduplicated(),
		Backend:            p.GetBackend(),
		Model:              p.GetModel(),
		QueueTime:          p.GetQueueTime().AsDuration(),
		Latency:            p.GetLatency().AsDuration(),
		PromptTokens:       p.GetPromptTokens(),
		CachedPromptTokens: p.GetCachedPromptTokens(),
		CompletionTokens:   p.GetCompletionTokens(),
		CacheWriteTokens:   p.GetCacheWriteTokens(),
		ReasoningTokens:    p.GetReasoningTokens(),
		TaxonomyVersion:    p.GetTaxonomyVersion(),
		PromptVersion:      p.GetPromptVersion(),
		DescriptionCut:     p.GetDescriptionCut(),
	}
}

func batchFromProto(p *credenzav1.Batch) Batch {
	return Batch{
		ID:             p.GetBatchId(),
		ProcessingType: p.GetProcessingType(),
		Results:        converted(p.GetResults(), resultFromProto),
		Time:           p.GetTimestamp().AsTime(),
		Progress:       progressFromProto(p.GetProgress()),
	}
}

func progressFromProto(p *credenzav1.Progress) Progress {
	return Progress{Done: p.GetDone(), Failed: p.GetFailed(), Total: p.GetTotal()}
}

func summaryFromProto(p *credenzav1.Summary) Summary {
	return Summary{
		Total:              p.GetTotal(),
		Succeeded:          p.GetSucceeded(),
		Failed:             p.GetFailed(),
		FailuresByReason:   p.GetFailuresByReason(),
		Cached:             p.GetCached(),
		Deduplicated:       p.GetDeduplicated(),
		UpstreamCalls:      p.GetUpstreamCalls(),
		PromptTokens:       p.GetPromptTokens(),
		CachedPromptTokens: p.GetCachedPromptTokens(),
		CompletionTokens:   p.GetCompletionTokens(),
		CacheWriteTokens:   p.GetCacheWriteTokens(),
		ReasoningTokens:    p.GetReasoningTokens(),
		Elapsed:            p.GetElapsed().AsDuration(),
		PeakConcurrency:    int(p.GetPeakConcurrency()),
	}
}

func taxonomyFromProto(p *credenzav1.GetTaxonomyResponse) Taxonomy {
	return Taxonomy{
		Version: p.GetVersion(),
		Categories: converted(p.GetCategories(), func(c *credenzav1.Category) Category {
			return Category{Name: c.GetName(), Description: c.GetDescription(), Placements: c.GetPlacements()}
		}),
		Styles: converted(p.GetStyles(), func(s *credenzav1.Style) Style {
			return Style{Name: s.GetName(), Description: s.GetDescription(), Keywords: s.GetKeywords(), Palette: s.GetPalette(), Tags: s.GetTags()}
		}),
	}
}

// enumName strips an enum's prefix. The unspecified value is the empty string.
func enumName(value, prefix string) string {
	name := strings.TrimPrefix(value, prefix)
	if name == "UNSPECIFIED" {
		return ""
	}
	return name
}
