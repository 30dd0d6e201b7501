package rpc_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// fakeReviews remembers what it is asked, and has a number of results with a text.
type fakeReviews struct {
	lists       []catalog.ReviewQuery
	corrections []catalog.CorrectionRequest
	pages       []catalog.CorrectionQuery
	text        string
	columns     []string
}

func (f *fakeReviews) List(_ context.Context, q catalog.ReviewQuery) (catalog.ReviewPage, error) {
	f.lists = append(f.lists, q)
	page := catalog.ReviewPage{Total: 5000, State: catalog.JobRunning, Columns: f.columns}
	for i := range q.Size {
		page.Items = append(page.Items, catalog.ReviewItem{
			Outcome: catalog.Outcome{Index: int64(i), Classification: catalog.Classification{Reasoning: f.text}, Trace: catalog.Trace{Cached: true, Attempts: 2, Backend: "openai"}},
			Cells:   []string{"a"}, HasPicture: i == 0,
			Correction: &catalog.Correction{Index: int64(i), Category: "SOFA", Person: "Ada", At: time.Unix(1, 0), State: catalog.Corrected},
		})
	}
	return page, nil
}

func (f *fakeReviews) Summarize(_ context.Context, owner catalog.Owner, id string, filter *catalog.ReviewFilter) (catalog.ReviewSummary, error) {
	f.lists = append(f.lists, catalog.ReviewQuery{Owner: owner, ID: id, Filter: *filter})
	return catalog.ReviewSummary{Total: 7, Categories: []catalog.NameCount{{Name: "SOFA", Count: 7}}, Confidences: [10]int64{9: 7}, ToReview: 3, Reviewed: 1}, nil
}

func (f *fakeReviews) Correct(_ context.Context, q catalog.CorrectionRequest) (catalog.CorrectionResult, error) {
	f.corrections = append(f.corrections, q)
	if q.Undo == "unknown" {
		return catalog.CorrectionResult{}, fault.Invalid("undo", "the job has no such change")
	}
	return catalog.CorrectionResult{Changed: 2, ChangeID: "c"}, nil
}

func (f *fakeReviews) Corrections(_ context.Context, q catalog.CorrectionQuery) ([]catalog.Correction, string, error) {
	f.pages = append(f.pages, q)
	return []catalog.Correction{{Index: 3, Note: "odd", State: catalog.Accepted}}, "more", nil
}

func (r *running) rawReviews(t *testing.T) credenzav1.ReviewServiceClient {
	t.Helper()
	return credenzav1.NewReviewServiceClient(r.raw(t))
}

func listOf(corrections ...*credenzav1.Correction) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: "a", Person: "Ada", Change: &credenzav1.PutCorrectionsRequest_List{
		List: &credenzav1.CorrectionList{Corrections: corrections},
	}}
}

func bulkOf(filter *credenzav1.ReviewFilter, correction *credenzav1.Correction) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: "a", Change: &credenzav1.PutCorrectionsRequest_Bulk{
		Bulk: &credenzav1.BulkCorrection{Filter: filter, Correction: correction},
	}}
}

func TestListReviewItems_AsksForWhatTheRequestSays(t *testing.T) {
	reviews := &fakeReviews{columns: []string{"name"}}
	c := start(t, setup{reviews: reviews}).rawReviews(t)
	least, most, yes, no := 0.25, 1.0, true, false
	filter := &credenzav1.ReviewFilter{
		Categories: []string{"SOFA"}, Styles: []string{"MODERN"}, Reasons: []credenzav1.ErrorReason{credenzav1.ErrorReason_ERROR_REASON_REFUSED},
		MinConfidence: &least, MaxConfidence: &most, NeedsReview: &yes, Failed: &no, State: credenzav1.ReviewState_REVIEW_STATE_CORRECTED, Query: "oak",
	}
	res, err := c.ListReviewItems(t.Context(), &credenzav1.ListReviewItemsRequest{
		JobId: "a", Filter: filter, Order: credenzav1.ReviewOrder_REVIEW_ORDER_CATEGORY, Descending: true, Skip: 40, PageSize: 2, WithRows: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.ReviewFilter{
		Categories: []string{"SOFA"}, Styles: []string{"MODERN"}, Reasons: []string{"REFUSED"}, MinConfidence: &least, MaxConfidence: &most,
		NeedsReview: &yes, Failed: &no, State: catalog.Corrected, Query: "oak",
	}
	all := catalog.Owner{All: true}
	equal(t, []catalog.ReviewQuery{{Owner: all, ID: "a", Filter: want, Order: catalog.ByCategory, Descending: true, Skip: 40, Size: 2, Rows: true}}, reviews.lists)
	first := res.GetItems()[0]
	if res.GetTotal() != 5000 || len(res.GetItems()) != 2 || res.GetState() != credenzav1.JobState_JOB_STATE_RUNNING || len(res.GetColumns()) != 1 ||
		!first.GetHasPicture() || first.GetRow().GetCells()[0] != "a" || first.GetCorrection().GetState() != credenzav1.ReviewState_REVIEW_STATE_CORRECTED ||
		first.GetCorrection().GetPerson() != "Ada" || first.GetCorrection().GetTime().GetSeconds() != 1 {
		t.Errorf("%v", res)
	}
	sum, err := c.SummarizeReview(t.Context(), &credenzav1.SummarizeReviewRequest{JobId: "a"})
	if err != nil || sum.GetTotal() != 7 || sum.GetCategories()[0].GetName() != "SOFA" || len(sum.GetConfidences()) != 10 || sum.GetConfidences()[9] != 7 || sum.GetReviewed() != 1 {
		t.Errorf("%v, %v", sum, err)
	}
	list, err := c.ListCorrections(t.Context(), &credenzav1.ListCorrectionsRequest{JobId: "a", PageSize: 1 << 30, PageToken: "x"})
	if err != nil || list.GetNextPageToken() != "more" || list.GetCorrections()[0].GetState() != credenzav1.ReviewState_REVIEW_STATE_ACCEPTED {
		t.Errorf("%v, %v", list, err)
	}
	equal(t, []catalog.CorrectionQuery{{Owner: all, ID: "a", Size: 1000, Token: "x"}}, reviews.pages)
}

func TestListReviewItems_MessagesFitClients(t *testing.T) {
	reviews := &fakeReviews{text: strings.Repeat("x", 10_000)}
	res, err := start(t, setup{reviews: reviews}).rawReviews(t).ListReviewItems(t.Context(), &credenzav1.ListReviewItemsRequest{JobId: "a", PageSize: 1000})
	if err != nil || len(res.GetItems()) < 250 || len(res.GetItems()) > 320 {
		t.Errorf("%d results in %d bytes, %v", len(res.GetItems()), proto.Size(res), err)
	}
}

func TestListReviewItems_HidesSharedWork(t *testing.T) {
	for token, shows := range map[string]bool{"shop-token": false, "both-token": true} {
		c := start(t, setup{tokens: testTokens(t), reviews: &fakeReviews{}}).rawReviews(t)
		res, err := c.ListReviewItems(withToken(t.Context(), token), &credenzav1.ListReviewItemsRequest{JobId: "a", PageSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		if trace := res.GetItems()[0].GetResult().GetTrace(); trace.GetCached() != shows || trace.GetBackend() != "openai" {
			t.Errorf("%s sees %v", token, trace)
		}
	}
}

func TestPutCorrections_PersonIsTheCallerIfItHasAName(t *testing.T) {
	for token, want := range map[string]string{"": "Ada", "shop-token": "shop", "both-token": "both"} {
		reviews := &fakeReviews{}
		s := setup{reviews: reviews}
		if token != "" {
			s.tokens = testTokens(t)
		}
		req := listOf(&credenzav1.Correction{Index: 3, Category: "SOFA", Person: "Eve"})
		req.ValidateOnly = true
		res, err := start(t, s).rawReviews(t).PutCorrections(withToken(t.Context(), token), req)
		if err != nil || res.GetChanged() != 2 || res.GetChangeId() != "c" {
			t.Fatal(res, err)
		}
		owner := catalog.Owner{Name: strings.TrimSuffix(token, "-token"), All: token != "shop-token"}
		equal(t, []catalog.CorrectionRequest{{Owner: owner, ID: "a", Person: want, CountOnly: true, Corrections: []catalog.Correction{{Index: 3, Category: "SOFA"}}}}, reviews.corrections)
	}
}

func withToken(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

func TestReviews_RefuseBadRequests(t *testing.T) {
	reviews := &fakeReviews{}
	c := start(t, setup{reviews: reviews}).rawReviews(t)
	put := func(req *credenzav1.PutCorrectionsRequest) error {
		_, err := c.PutCorrections(t.Context(), req)
		return err
	}
	list := func(req *credenzav1.ListReviewItemsRequest) error {
		_, err := c.ListReviewItems(t.Context(), req)
		return err
	}
	many := make([]*credenzav1.Correction, 1001)
	for i := range many {
		many[i] = &credenzav1.Correction{Index: int64(i)}
	}
	for name, tc := range map[string]struct {
		err    error
		fields []string
	}{
		"no job":           {list(&credenzav1.ListReviewItemsRequest{}), []string{"job_id"}},
		"no such order":    {list(&credenzav1.ListReviewItemsRequest{JobId: "a", Order: 99}), []string{"order"}},
		"no such state":    {list(&credenzav1.ListReviewItemsRequest{JobId: "a", Filter: &credenzav1.ReviewFilter{State: 99}}), []string{"filter.state"}},
		"a negative skip":  {list(&credenzav1.ListReviewItemsRequest{JobId: "a", Skip: -1}), []string{"skip"}},
		"a long query":     {list(&credenzav1.ListReviewItemsRequest{JobId: "a", Filter: &credenzav1.ReviewFilter{Query: strings.Repeat("x", 501)}}), []string{"filter.query"}},
		"no change":        {put(&credenzav1.PutCorrectionsRequest{JobId: "a"}), []string{"change"}},
		"an empty list":    {put(listOf()), []string{"list.corrections"}},
		"a long list":      {put(listOf(many...)), []string{"list.corrections"}},
		"a negative index": {put(listOf(&credenzav1.Correction{Index: -1})), []string{"list.corrections[0].index"}},
		"a long note":      {put(listOf(&credenzav1.Correction{Note: strings.Repeat("x", 1001)})), []string{"list.corrections[0].note"}},
		"a bulk of what":   {put(bulkOf(nil, nil)), []string{"bulk.correction"}},
		"a category":       {put(bulkOf(nil, &credenzav1.Correction{Category: "SOFFA"})), []string{"bulk.correction.category"}},
		"a style":          {put(listOf(&credenzav1.Correction{}, &credenzav1.Correction{SecondaryStyle: "BAROQUE"})), []string{"list.corrections[1].secondary_style"}},
		"an undo":          {put(&credenzav1.PutCorrectionsRequest{JobId: "a", Change: &credenzav1.PutCorrectionsRequest_Undo{Undo: "unknown"}}), []string{"undo"}},
	} {
		t.Run(name, func(t *testing.T) { wantInvalid(t, tc.err, "INVALID_REQUEST", tc.fields...) })
	}
	if n := len(reviews.lists) + len(reviews.corrections); n != 1 { // the undo
		t.Errorf("%d bad requests came through", n)
	}
	if err := put(bulkOf(nil, &credenzav1.Correction{Category: "SOFFA"})); !strings.Contains(status.Convert(err).Message(), "did you mean SOFA?") {
		t.Error(err)
	}
	if err := put(listOf(&credenzav1.Correction{PrimaryStyle: "BAROQUE"})); !strings.Contains(status.Convert(err).Message(), "give one of MODERN") {
		t.Error(err)
	}
}

func TestReviews_WithoutThemTheyAreNotImplemented(t *testing.T) {
	c := start(t, setup{jobs: rpctest.NewJobs()}).rawReviews(t)
	if _, err := c.SummarizeReview(t.Context(), &credenzav1.SummarizeReviewRequest{JobId: "a"}); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
}

func TestReviewsOverHTTP(t *testing.T) {
	const atReviews = "http://127.0.0.1/credenza.v1.ReviewService/"
	h := startHTTP(t, setup{reviews: &fakeReviews{}})
	for _, tc := range []struct{ call, body, want string }{
		{"ListReviewItems", `{"jobId":"a","pageSize":1,"order":"REVIEW_ORDER_REVIEW"}`, `"total":"5000"`},
		{"SummarizeReview", `{"jobId":"a","filter":{"query":"oak","failed":false}}`, `"toReview":"3"`},
		{"PutCorrections", `{"jobId":"a","list":{"corrections":[{"index":"3","category":"SOFA"}]}}`, `"changeId":"c"`},
		{"PutCorrections", `{"jobId":"a","bulk":{"filter":{"state":"REVIEW_STATE_UNCHECKED"},"correction":{}}}`, `"changed":"2"`},
		{"PutCorrections", `{"jobId":"a","undo":"c"}`, `"changed":"2"`},
		{"ListCorrections", `{"jobId":"a"}`, `"note":"odd"`},
	} {
		code, body := h.post(t, atReviews+tc.call, tc.body)
		if code != 200 || !strings.Contains(strings.ReplaceAll(body, " ", ""), tc.want) {
			t.Errorf("%s %s: %d %s", tc.call, tc.body, code, body)
		}
	}
	if code, body := h.post(t, atReviews+"ListCorrections", `{"jobId":"a"}`, "Origin: https://shop.example"); code != 403 {
		t.Error(fmt.Sprint(code), body)
	}
}
