package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// reviewed is a whole service on loopback with what a page and its tests call.
type reviewed struct {
	credenzav1.ReviewServiceClient
	app    *app.App
	client *credenza.Client
	log    *buffer
}

// serveReviews starts a service with the offline classifier.
func serveReviews(t testing.TB, flags ...string) *reviewed {
	t.Helper()
	config, err := parse(append([]string{"--backend=offline", "--log-level=error"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	log := &buffer{}
	options := app.Options{LogTo: log}
	if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--data-dir") }) {
		options.Data = app.DataTemporary
	}
	a, err := app.Start(t.Context(), config, options)
	if err != nil {
		t.Fatal(err)
	}
	r := dialReviews(t, a.GRPCAddr())
	r.app, r.log = a, log
	if r.client, err = credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close(t) })
	return r
}

// close ends the service. It may be called again.
func (r *reviewed) close(t testing.TB) {
	if r.app == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(r.client.Close(), r.app.Close(ctx)); err != nil {
		t.Error(err)
	}
	r.app = nil
	if t.Failed() {
		t.Log(r.log)
	}
}

func dialReviews(t testing.TB, address string) *reviewed {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &reviewed{ReviewServiceClient: credenzav1.NewReviewServiceClient(conn)}
}

// corrected returns the corrections in force as texts.
func (r *reviewed) corrected(t testing.TB, id string) (all []string) {
	t.Helper()
	res, err := r.ListCorrections(t.Context(), &credenzav1.ListCorrectionsRequest{JobId: id, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.GetCorrections() {
		all = append(all, fmt.Sprintf("%d %s by %s", c.GetIndex(), c.GetCategory(), c.GetPerson()))
	}
	return all
}

// job runs a job to its end.
func (r *reviewed) job(t testing.TB, items []credenza.Item, o credenza.Options) string {
	t.Helper()
	job, err := r.client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	watch := r.client.WatchJob(t.Context(), job.ID, "")
	for _, err := range watch.Results() {
		if err != nil {
			t.Fatal(err)
		}
	}
	return job.ID
}

func (r *reviewed) list(t testing.TB, req *credenzav1.ListReviewItemsRequest) *credenzav1.ListReviewItemsResponse {
	t.Helper()
	res, err := r.ListReviewItems(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (r *reviewed) put(t testing.TB, req *credenzav1.PutCorrectionsRequest) *credenzav1.PutCorrectionsResponse {
	t.Helper()
	res, err := r.PutCorrections(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// furniture are beds, sofas and chairs in turn, and every tenth item is empty and so fails.
func furniture(n int) []credenza.Item {
	kinds := []string{"Oak bed", "Leather sofa", "Walnut chair"}
	return goods(n, func(i int, it *credenza.Item) {
		it.ProductName = fmt.Sprintf("%s %d", kinds[i%3], i)
		if i%10 == 9 {
			it.ProductName = ""
		}
	})
}

func correct(id string, c *credenzav1.Correction) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: id, Person: "Ada", Change: &credenzav1.PutCorrectionsRequest_List{
		List: &credenzav1.CorrectionList{Corrections: []*credenzav1.Correction{c}},
	}}
}

func correctAll(id string, f *credenzav1.ReviewFilter, c *credenzav1.Correction) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: id, Person: "Ben", Change: &credenzav1.PutCorrectionsRequest_Bulk{
		Bulk: &credenzav1.BulkCorrection{Filter: f, Correction: c},
	}}
}

func undo(id, change string) *credenzav1.PutCorrectionsRequest {
	return &credenzav1.PutCorrectionsRequest{JobId: id, Change: &credenzav1.PutCorrectionsRequest_Undo{Undo: change}}
}

func TestReview_APersonCorrectsResults(t *testing.T) {
	r := serveReviews(t)
	id := r.job(t, furniture(100), credenza.Options{})
	page := r.list(t, &credenzav1.ListReviewItemsRequest{JobId: id, Skip: 1, PageSize: 2})
	if page.GetTotal() != 100 || len(page.GetItems()) != 2 || page.GetItems()[0].GetResult().GetProductName() != "Leather sofa 1" {
		t.Fatalf("%+v", page)
	}
	first := r.put(t, correct(id, &credenzav1.Correction{Index: 1, Category: "BED", Note: "it folds out"}))
	all := r.put(t, correctAll(id, &credenzav1.ReviewFilter{Categories: []string{"SOFA"}}, &credenzav1.Correction{}))
	if first.GetChanged() != 1 || all.GetChanged() != 29 { // of 30 sofas
		t.Errorf("%v changed, then %v", first, all)
	}
	sum, err := r.SummarizeReview(t.Context(), &credenzav1.SummarizeReviewRequest{JobId: id})
	if err != nil || sum.GetTotal() != 100 || sum.GetAccepted() != 29 || sum.GetCorrected() != 1 || sum.GetUnchecked() != 70 {
		t.Errorf("%v, %v", sum, err)
	}
	if res := r.put(t, undo(id, all.GetChangeId())); res.GetChanged() != 29 {
		t.Errorf("%v undone", res)
	}
	corrections, err := r.ListCorrections(t.Context(), &credenzav1.ListCorrectionsRequest{JobId: id})
	if err != nil || len(corrections.GetCorrections()) != 1 {
		t.Fatalf("%v, %v", corrections, err)
	}
	c := corrections.GetCorrections()[0]
	if c.GetIndex() != 1 || c.GetCategory() != "BED" || c.GetPerson() != "Ada" || c.GetNote() != "it folds out" ||
		c.GetState() != credenzav1.ReviewState_REVIEW_STATE_CORRECTED || time.Since(c.GetTime().AsTime()) > time.Minute {
		t.Errorf("%v", c)
	}
}

// TestReview_OverConnect reviews a job as a page does, with JSON over HTTP, and restarts the
// service in the middle.
func TestReview_OverConnect(t *testing.T) {
	dir := t.TempDir()
	r := serveReviews(t, "--data-dir="+dir)
	id := r.job(t, furniture(30), credenza.Options{})
	post := func(call, body string) string {
		res, err := http.Post("http://"+r.app.HTTPAddr()+"/credenza.v1.ReviewService/"+call, "application/json", strings.NewReader(fmt.Sprintf(body, id)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", call, res.StatusCode, b, err)
		}
		return string(b)
	}
	var change struct{ ChangeID, Changed string }
	said := post("PutCorrections", `{"jobId":%q,"person":"Ada","bulk":{"filter":{"failed":true},"correction":{"category":"BED"}}}`)
	if err := json.Unmarshal([]byte(said), &change); err != nil || change.Changed != "3" {
		t.Fatal(said, err)
	}
	r.close(t)
	r = serveReviews(t, "--data-dir="+dir)
	var page struct {
		Total string
		Items []struct {
			Result     struct{ Error struct{ Reason string } }
			Correction struct{ Category, Person, State string }
		}
	}
	said = post("ListReviewItems", `{"jobId":%q,"filter":{"state":"REVIEW_STATE_CORRECTED"}}`)
	if err := json.Unmarshal([]byte(said), &page); err != nil || page.Total != "3" || len(page.Items) != 3 {
		t.Fatal(said, err)
	}
	if first := page.Items[0]; first.Result.Error.Reason != "ERROR_REASON_INVALID_ITEM" || first.Correction.Category != "BED" || first.Correction.Person != "Ada" {
		t.Errorf("%+v", first)
	}
	if said = post("PutCorrections", `{"jobId":%q,"undo":"`+change.ChangeID+`"}`); !strings.Contains(said, `"3"`) {
		t.Error(said)
	}
	if said = post("SummarizeReview", `{"jobId":%q,"filter":{"failed":true}}`); !strings.Contains(said, `"unchecked":"3"`) {
		t.Error(said)
	}
}

func TestReview_OfOthersJobsIsNotFound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	tokens := fmt.Sprintf("- {name: ada, sha256: %s, scopes: [classify]}\n- {name: ben, sha256: %s, scopes: [classify]}\n- {name: op, sha256: %s, scopes: [classify, operate]}\n",
		hashOf("ada-token"), hashOf("ben-token"), hashOf("op-token"))
	if err := os.WriteFile(file, []byte(tokens), 0o600); err != nil {
		t.Fatal(err)
	}
	r := serveReviews(t, "--token-file="+file)
	ada, err := credenza.Dial(r.app.GRPCAddr(), credenza.WithPlaintext(), credenza.WithToken("ada-token"), credenza.WithTokenOverPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	_ = r.client.Close()
	r.client = ada // which is closed with the service
	id := r.job(t, furniture(20), credenza.Options{})
	calls := map[string]func(context.Context) error{
		"list": func(ctx context.Context) error {
			_, err := r.ListReviewItems(ctx, &credenzav1.ListReviewItemsRequest{JobId: id})
			return err
		},
		"count": func(ctx context.Context) error {
			_, err := r.SummarizeReview(ctx, &credenzav1.SummarizeReviewRequest{JobId: id})
			return err
		},
		"correct": func(ctx context.Context) error {
			_, err := r.PutCorrections(ctx, correct(id, &credenzav1.Correction{Index: 1, Category: "BED"}))
			return err
		},
		"list corrections": func(ctx context.Context) error {
			_, err := r.ListCorrections(ctx, &credenzav1.ListCorrectionsRequest{JobId: id})
			return err
		},
	}
	for name, call := range calls {
		for token, want := range map[string]codes.Code{"ada-token": codes.OK, "ben-token": codes.NotFound, "op-token": codes.OK, "": codes.Unauthenticated} {
			if err := call(withToken(t.Context(), token)); status.Code(err) != want {
				t.Errorf("%s with %q: %v", name, token, err)
			}
		}
	}
	res, err := r.ListCorrections(withToken(t.Context(), "ada-token"), &credenzav1.ListCorrectionsRequest{JobId: id})
	if err != nil || len(res.GetCorrections()) != 1 || !slices.Contains([]string{"ada", "op"}, res.GetCorrections()[0].GetPerson()) {
		t.Errorf("%v, %v", res, err)
	}
}
