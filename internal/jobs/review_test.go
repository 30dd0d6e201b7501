package jobs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/testkit"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// reviewer reviews one job at a replica.
type reviewer struct {
	credenzav1.ReviewServiceClient
	t  *testing.T
	id string
}

func reviewAt(t *testing.T, r *replica, id string) *reviewer {
	t.Helper()
	return &reviewer{credenzav1.NewReviewServiceClient(dialFront(t, r)), t, id}
}

// put stores corrections, and returns the name of the change.
func (r *reviewer) put(person string, list ...*credenzav1.Correction) string {
	r.t.Helper()
	res, err := r.try(person, list...)
	if err != nil || res.GetChanged() != int64(len(list)) {
		r.t.Fatal(res, err)
	}
	return res.GetChangeId()
}

func (r *reviewer) try(person string, list ...*credenzav1.Correction) (*credenzav1.PutCorrectionsResponse, error) {
	return r.PutCorrections(r.t.Context(), &credenzav1.PutCorrectionsRequest{
		JobId: r.id, Person: person, Change: &credenzav1.PutCorrectionsRequest_List{List: &credenzav1.CorrectionList{Corrections: list}},
	})
}

func (r *reviewer) bulk(c *credenzav1.Correction, f *credenzav1.ReviewFilter) *credenzav1.PutCorrectionsResponse {
	r.t.Helper()
	res, err := r.PutCorrections(r.t.Context(), &credenzav1.PutCorrectionsRequest{
		JobId: r.id, Change: &credenzav1.PutCorrectionsRequest_Bulk{Bulk: &credenzav1.BulkCorrection{Filter: f, Correction: c}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

func (r *reviewer) undo(change string) {
	r.t.Helper()
	if _, err := r.PutCorrections(r.t.Context(), &credenzav1.PutCorrectionsRequest{JobId: r.id, Change: &credenzav1.PutCorrectionsRequest_Undo{Undo: change}}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reviewer) list(req *credenzav1.ListReviewItemsRequest) *credenzav1.ListReviewItemsResponse {
	r.t.Helper()
	req.JobId = r.id
	res, err := r.ListReviewItems(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

// corrections returns the corrections in force as texts, and the error after them.
func (r *reviewer) corrections() (all []string, err error) {
	r.t.Helper()
	req := &credenzav1.ListCorrectionsRequest{JobId: r.id, PageSize: 2}
	for {
		page, err := r.ListCorrections(r.t.Context(), req)
		if err != nil {
			return all, err
		}
		for _, c := range page.GetCorrections() {
			all = append(all, fmt.Sprintf("%d %s by %s", c.GetIndex(), c.GetCategory(), c.GetPerson()))
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return all, nil
		}
	}
}

// are fails unless the corrections in force are these.
func (r *reviewer) are(want ...string) {
	r.t.Helper()
	if got, err := r.corrections(); err != nil || !slices.Equal(want, got) {
		r.t.Errorf("want %q, got %q, %v", want, got, err)
	}
}

// stored returns how many changes are in the store.
func stored(t *testing.T, b *broker.Broker) uint64 {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), "CREDENZA_CORRECTIONS")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestCorrections_SurviveARestart(t *testing.T) {
	for name, sync := range map[string]time.Duration{"synced within a second": time.Second, "synced always": 0} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := openBroker(t, dir)
			r := start(t, b, newModel(32), func(c *jobs.Config) { c.Sync = sync })
			job := r.create(t, textual, goods(250, nil))
			r.watch(t, job.ID, nil, 0)
			first := reviewAt(t, r, job.ID)
			first.put("Ada", &credenzav1.Correction{Index: 7, Category: "BED"}, &credenzav1.Correction{Index: 200})
			undone := first.bulk(&credenzav1.Correction{Category: "DECOR"}, nil)
			first.put("Ben", &credenzav1.Correction{Index: 7, Category: "TABLE"})
			r.Close()
			b.Close()

			b = openBroker(t, dir)
			defer b.Close()
			again := start(t, b, newModel(32), func(c *jobs.Config) { c.Sync = sync })
			defer again.Close()
			second := reviewAt(t, again, job.ID)
			second.undo(undone.GetChangeId())
			second.are("7 TABLE by Ben", "200  by Ada")
			page := second.list(&credenzav1.ListReviewItemsRequest{Filter: &credenzav1.ReviewFilter{State: credenzav1.ReviewState_REVIEW_STATE_CORRECTED}})
			if items := page.GetItems(); len(items) != 1 || items[0].GetResult().GetClassification().GetCategory() != "SOFA" || items[0].GetCorrection().GetCategory() != "TABLE" {
				t.Errorf("%v", page)
			}
		})
	}
}

func TestCorrections_AreSeenByAllReplicas(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	var people []*reviewer
	var id string
	for i := range 2 {
		b := connect(t, s.ClientURL())
		defer b.Close()
		r := start(t, b, newModel(32))
		defer r.Close()
		if i == 0 {
			id = r.create(t, textual, goods(120, func(i int, it *catalog.Item) {
				if i >= 100 {
					it.Description = "wait"
				}
			})).ID
			defer close(r.model.let)
		}
		people = append(people, reviewAt(t, r, id))
	}
	testkit.Await(t, "most results are there", func() bool {
		return people[0].list(&credenzav1.ListReviewItemsRequest{}).GetTotal() == 100 && people[1].list(&credenzav1.ListReviewItemsRequest{}).GetTotal() == 100
	})
	for i := range 10 {
		people[i%2].put(fmt.Sprint("person ", i), &credenzav1.Correction{Index: int64(i / 5), Category: "BED"})
	}
	for _, p := range people {
		p.are("0 BED by person 4", "1 BED by person 9")
		if state := p.list(&credenzav1.ListReviewItemsRequest{}).GetState(); state != credenzav1.JobState_JOB_STATE_RUNNING {
			t.Error(state)
		}
	}
	if _, err := people[0].try("Ada", &credenzav1.Correction{Index: 119}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a result that is not there yet: %v", err)
	}
}

func TestReview_FollowsAJobToItsEnd(t *testing.T) {
	r := single(t)
	job := r.create(t, textual, goods(300, func(i int, it *catalog.Item) {
		if i%2 == 1 {
			it.Description = "wait"
		}
	}))
	p := reviewAt(t, r, job.ID)
	testkit.Await(t, "half of the results are there", func() bool { return p.list(&credenzav1.ListReviewItemsRequest{}).GetTotal() >= 15 })
	p.put("Ada", &credenzav1.Correction{Index: 0, Category: "BED"})
	close(r.model.let)
	testkit.Await(t, "the job has ended", func() bool {
		return p.list(&credenzav1.ListReviewItemsRequest{}).GetState() == credenzav1.JobState_JOB_STATE_SUCCEEDED
	})
	page := p.list(&credenzav1.ListReviewItemsRequest{PageSize: 1000})
	if len(page.GetItems()) != 300 || page.GetItems()[0].GetCorrection().GetCategory() != "BED" {
		t.Errorf("%d results, the first one is %v", len(page.GetItems()), page.GetItems()[0])
	}
	for i, item := range page.GetItems() {
		if item.GetResult().GetIndex() != int64(i) || item.GetResult().GetItemId() != fmt.Sprint("id-", i) {
			t.Fatalf("at %d: %v", i, item)
		}
	}
}

func TestReview_HasRowsAndPictures(t *testing.T) {
	r := single(t)
	c := rawFront(t, r)
	req := &credenzav1.SubmitJobRequest{Rows: &credenzav1.RowChunk{Columns: []string{"name", "image_url", "SKU"}}, Spec: &credenzav1.JobSpec{Mode: credenzav1.Mode_MODE_TEXT}}
	for i := range 333 {
		cells := []string{fmt.Sprintf("oak chair %03d", 332-i), "", fmt.Sprint("S", i)}
		if i%3 == 0 {
			cells[1] = "https://shop.example/a.jpg"
		}
		if i%100 == 7 { // an object of its own
			cells[1], cells[2] = "https://shop.example/b.jpg", strings.Repeat("x", 100_000)
		}
		req.Rows.Rows = append(req.Rows.Rows, &credenzav1.Row{Cells: cells})
	}
	made, err := c.SubmitJob(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	r.watch(t, made.GetJob().GetJobId(), nil, 0)
	p := reviewAt(t, r, made.GetJob().GetJobId())
	page := p.list(&credenzav1.ListReviewItemsRequest{Order: credenzav1.ReviewOrder_REVIEW_ORDER_NAME, PageSize: 1000, WithRows: true})
	if len(page.GetItems()) != 333 || !slices.Equal(page.GetColumns(), req.GetRows().GetColumns()) {
		t.Fatalf("%d results with %q", len(page.GetItems()), page.GetColumns())
	}
	for i, item := range page.GetItems() {
		want := req.GetRows().GetRows()[332-i].GetCells()
		if !slices.Equal(item.GetRow().GetCells(), want) || item.GetHasPicture() != (want[1] != "") {
			t.Errorf("at %d: %.200v", i, item)
		}
	}
}

// An index that is open for a deleted job is no source of answers.
func TestReview_OfADeletedJobIsNotFoundAtOnce(t *testing.T) {
	r := single(t)
	job := r.create(t, textual, goods(10, nil))
	r.watch(t, job.ID, nil, 0)
	p := reviewAt(t, r, job.ID)
	p.put("Ada", &credenzav1.Correction{Index: 1, Category: "BED"})
	p.list(&credenzav1.ListReviewItemsRequest{})
	if err := r.Delete(t.Context(), allOwners, job.ID); err != nil {
		t.Fatal(err)
	}
	_, listed := p.ListReviewItems(t.Context(), &credenzav1.ListReviewItemsRequest{JobId: job.ID})
	_, summed := p.SummarizeReview(t.Context(), &credenzav1.SummarizeReviewRequest{JobId: job.ID})
	_, corrections := p.ListCorrections(t.Context(), &credenzav1.ListCorrectionsRequest{JobId: job.ID})
	_, put := p.try("Ada", &credenzav1.Correction{Index: 2, Category: "BED"})
	for call, err := range map[string]error{"list": listed, "summarize": summed, "corrections": corrections, "put": put} {
		if status.Code(err) != codes.NotFound {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestCorrections_GoWithTheirJob(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(32), func(c *jobs.Config) { c.UploadWait = time.Second })
	defer r.Close()
	var ids []string
	for range 3 {
		job := r.create(t, textual, goods(10, nil))
		r.watch(t, job.ID, nil, 0)
		reviewAt(t, r, job.ID).put("Ada", &credenzav1.Correction{Index: 1, Category: "BED"})
		ids = append(ids, job.ID)
	}
	if err := r.Delete(t.Context(), allOwners, ids[0]); err != nil || stored(t, b) != 2 {
		t.Errorf("%d changes are left: %v", stored(t, b), err)
	}
	if _, err := reviewAt(t, r, ids[0]).try("Ada", &credenzav1.Correction{Index: 1}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
	// An earlier version removes all it knows of.
	records, err := b.JetStream().KeyValue(t.Context(), "credenza_jobs")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := records.Get(t.Context(), ids[1])
	if err != nil || !bytes.Contains(entry.Value(), []byte(ids[1])) {
		t.Fatal(err)
	}
	results, err := b.JetStream().Stream(t.Context(), "CREDENZA_RESULTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Purge(t.Context(), jetstream.WithPurgeSubject("credenza.results."+uploadOf(t, b, ids[1])+".*")); err != nil {
		t.Fatal(err)
	}
	if err := records.Purge(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	testkit.Await(t, "the corrections of the job that is gone are removed", func() bool {
		if err := r.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		return stored(t, b) == 1
	})
	reviewAt(t, r, ids[2]).are("1 BED by Ada")
}

// uploadOf returns the name under which a job's corrections are stored.
func uploadOf(t *testing.T, b *broker.Broker, id string) string {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), "CREDENZA_CORRECTIONS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	for subject := range info.State.Subjects {
		msg, err := stream.GetLastMsgForSubject(t.Context(), subject)
		if err == nil && msg.Header.Get("Credenza-Job") == id {
			return strings.Split(subject, ".")[2]
		}
	}
	t.Fatal("the job has no corrections")
	return ""
}

// TestCorrections_DamageIsReported damages one of three changes on disk.
func TestCorrections_DamageIsReported(t *testing.T) {
	dir := t.TempDir()
	b := openBroker(t, dir)
	r := start(t, b, newModel(32))
	job := r.create(t, textual, goods(10, nil))
	r.watch(t, job.ID, nil, 0)
	for i, name := range []string{"Ada", "Benedikt", "Cleo"} {
		reviewAt(t, r, job.ID).put(name, &credenzav1.Correction{Index: int64(i), Category: "BED"})
	}
	r.Close()
	b.Close()
	blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "CREDENZA_CORRECTIONS", "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatal(blocks, err)
	}
	content, err := os.ReadFile(blocks[0])
	if err != nil || !bytes.Contains(content, []byte("Benedikt")) {
		t.Fatal(err)
	}
	if err := os.WriteFile(blocks[0], bytes.Replace(content, []byte("Benedikt"), []byte("Benedict"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	b = openBroker(t, dir)
	defer b.Close()
	again := start(t, b, newModel(32))
	defer again.Close()
	p := reviewAt(t, again, job.ID)
	got, err := p.corrections()
	if status.Code(err) != codes.DataLoss || !slices.Equal(got, []string{"0 BED by Ada", "2 BED by Cleo"}) {
		t.Errorf("%q, then %v", got, err)
	}
	if n := len(p.list(&credenzav1.ListReviewItemsRequest{}).GetItems()); n != 10 {
		t.Errorf("%d results are listed", n)
	}
	if _, err := p.ListReviewItems(t.Context(), &credenzav1.ListReviewItemsRequest{JobId: job.ID, Skip: 10}); status.Code(err) != codes.DataLoss {
		t.Errorf("behind the end: %v", err)
	}
	p.put("Dora", &credenzav1.Correction{Index: 5, Category: "DECOR"})
	if got, err := p.corrections(); status.Code(err) != codes.DataLoss || len(got) != 3 {
		t.Errorf("%q, then %v", got, err)
	}
}
