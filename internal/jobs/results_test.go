package jobs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/testkit"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// mixed returns items of which every tenth fails and the model doubts every seventh.
func mixed(n int) []*catalog.Item {
	return goods(n, func(i int, it *catalog.Item) {
		switch {
		case i%10 == 3:
			it.Description = "refuse"
		case i%7 == 0:
			it.Description = "doubt"
		}
	})
}

// listPages lists a job's results page by page, from a token on, until there are no more,
// and returns their indexes. It fails if one comes twice.
func listPages(t *testing.T, c credenzav1.JobServiceClient, req *credenzav1.ListJobResultsRequest) (indexes []int64, calls int) {
	t.Helper()
	seen := map[int64]bool{}
	for calls = 1; ; calls++ {
		res, err := c.ListJobResults(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range res.GetResults() {
			if seen[r.GetIndex()] {
				t.Fatalf("item %d is listed twice", r.GetIndex())
			}
			seen[r.GetIndex()] = true
			indexes = append(indexes, r.GetIndex())
		}
		if req.PageToken = res.GetNextPageToken(); req.GetPageToken() == "" {
			if state := res.GetState(); state < credenzav1.JobState_JOB_STATE_SUCCEEDED || state == credenzav1.JobState_JOB_STATE_PAUSED {
				t.Errorf("a job in state %v has no more results", state)
			}
			return indexes, calls
		}
	}
}

func TestListJobResults_HasEachResultOnce(t *testing.T) {
	const n = 333
	r := single(t)
	job := r.create(t, textual, mixed(n))
	order := r.watch(t, job.ID, nil, 0).order
	c := rawFront(t, r)
	for filter, wanted := range map[credenzav1.ResultFilter]func(i int64) bool{
		credenzav1.ResultFilter_RESULT_FILTER_UNSPECIFIED:  func(int64) bool { return true },
		credenzav1.ResultFilter_RESULT_FILTER_ALL:          func(int64) bool { return true },
		credenzav1.ResultFilter_RESULT_FILTER_FAILED:       func(i int64) bool { return i%10 == 3 },
		credenzav1.ResultFilter_RESULT_FILTER_NEEDS_REVIEW: func(i int64) bool { return i%10 != 3 && i%7 == 0 },
	} {
		for _, size := range []int32{3, 100, 1000} {
			want := slices.DeleteFunc(slices.Clone(order), func(i int64) bool { return !wanted(i) })
			got, _ := listPages(t, c, &credenzav1.ListJobResultsRequest{JobId: job.ID, PageSize: size, Filter: filter})
			if !slices.Equal(got, want) {
				t.Errorf("%v in pages of %d: %d results, want %d in the order of the store", filter, size, len(got), len(want))
			}
		}
	}
}

// TestListJobResults_FollowsAJobOverARestart lists a running job on two replicas of one
// store, one of which is replaced. Its chunks are delivered again.
func TestListJobResults_FollowsAJobOverARestart(t *testing.T) {
	const n = 1500
	s := natsServer(t, t.TempDir(), -1)
	var brokers []*broker.Broker
	for range 3 {
		b := connect(t, s.ClientURL())
		defer b.Close()
		brokers = append(brokers, b)
	}
	first, second := start(t, brokers[0], newModel(16)), start(t, brokers[1], newModel(16))
	defer second.Close()
	job := first.create(t, textual, goods(n, func(_ int, it *catalog.Item) { it.Description = "slow" }))
	fronts := []credenzav1.JobServiceClient{rawFront(t, first), rawFront(t, second)}
	seen, token := map[int64]bool{}, ""
	for call := 0; ; call++ {
		res, err := fronts[call%2].ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: job.ID, PageSize: 50, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range res.GetResults() {
			if seen[r.GetIndex()] {
				t.Fatalf("item %d is listed twice", r.GetIndex())
			}
			seen[r.GetIndex()] = true
		}
		if token = res.GetNextPageToken(); token == "" {
			break
		}
		if fronts[0] != fronts[1] && len(seen) > n/4 {
			first.Close() // with items in flight
			first = start(t, brokers[2], newModel(16))
			defer first.Close()
			fronts[0] = fronts[1]
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d results", len(seen), n)
	}
}

func TestListJobResults_RefusesTokensOfOthers(t *testing.T) {
	r := single(t)
	spec := textual
	spec.RequestID = "again"
	job := r.create(t, spec, goods(300, nil))
	other := r.create(t, textual, goods(300, nil))
	r.watch(t, job.ID, nil, 0)
	watched := r.watch(t, other.ID, nil, 0)
	c := rawFront(t, r)
	token := func(id string) string {
		res, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: id})
		if err != nil || res.GetNextPageToken() == "" {
			t.Fatal(res, err)
		}
		return res.GetNextPageToken()
	}
	own := token(job.ID)
	refused := map[string]string{
		"of another job": token(other.ID), "of a watch": watched.token, "with more": own + "AA", "in part": own[:len(own)-4], "no token": "x",
	}
	for i := range own { // each character is another one
		changed := []byte(own)
		if changed[i]++; own[i] == 'z' {
			changed[i] = 'A'
		}
		refused[fmt.Sprint("changed at ", i)] = string(changed)
	}
	refuses := func(name, token string, filter credenzav1.ResultFilter) {
		_, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: job.ID, PageToken: token, Filter: filter})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "page_token") {
			t.Errorf("a token %s: %v", name, err)
		}
	}
	for name, token := range refused {
		refuses(name, token, 0)
	}
	refuses("of another filter", own, credenzav1.ResultFilter_RESULT_FILTER_FAILED)
	if err := r.Delete(t.Context(), allOwners, job.ID); err != nil {
		t.Fatal(err)
	}
	r.create(t, spec, goods(300, nil))
	refuses("of a deleted job with the same id", own, 0)
}

// TestListJobResults_ReadsNoMoreThanItMay has a filter that lets nothing through.
func TestListJobResults_ReadsNoMoreThanItMay(t *testing.T) {
	const n = 25_000
	r := single(t)
	job := r.create(t, textual, goods(n, nil))
	r.watch(t, job.ID, nil, 0)
	c := rawFront(t, r)
	for _, filter := range []credenzav1.ResultFilter{credenzav1.ResultFilter_RESULT_FILTER_FAILED, credenzav1.ResultFilter_RESULT_FILTER_NEEDS_REVIEW} {
		if got, calls := listPages(t, c, &credenzav1.ListJobResultsRequest{JobId: job.ID, Filter: filter}); len(got) > 0 || calls != 3 {
			t.Errorf("%v: %d results in %d calls", filter, len(got), calls)
		}
	}
}

// TestListJobResults_ReportsLosses removes a stored message, and then spoils one.
func TestListJobResults_ReportsLosses(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(32))
	defer r.Close()
	job := r.create(t, textual, mixed(500))
	order := r.watch(t, job.ID, nil, 0).order
	stream, err := b.JetStream().Stream(t.Context(), "CREDENZA_RESULTS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("credenza.results.>"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), info.State.FirstSeq+2); err != nil {
		t.Fatal(err)
	}
	c := rawFront(t, r)
	for _, filter := range []credenzav1.ResultFilter{credenzav1.ResultFilter_RESULT_FILTER_ALL, credenzav1.ResultFilter_RESULT_FILTER_FAILED} {
		listed, token := 0, ""
		for {
			res, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: job.ID, PageToken: token, Filter: filter})
			if err != nil {
				if status.Code(err) != codes.DataLoss {
					t.Error(err)
				}
				break
			}
			listed += len(res.GetResults())
			if token = res.GetNextPageToken(); token == "" {
				t.Fatal("the job ends without what is lost")
			}
		}
		if listed == 0 || listed >= len(order) {
			t.Errorf("%d results of %d are listed", listed, len(order))
		}
	}
	if err := r.Delete(t.Context(), allOwners, job.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: job.ID}); status.Code(err) != codes.NotFound {
		t.Errorf("a deleted job: %v", err)
	}
}

// TestListJobResults_LooksFromTheBeginningBeforeItReportsALoss has a store that finds nothing
// from a place within the results on.
func TestListJobResults_LooksFromTheBeginningBeforeItReportsALoss(t *testing.T) {
	r := single(t)
	job := r.create(t, textual, mixed(500))
	r.watch(t, job.ID, nil, 0)
	c := rawFront(t, r)
	list := func(filter credenzav1.ResultFilter) []int64 {
		got, _ := listPages(t, c, &credenzav1.ListJobResultsRequest{JobId: job.ID, PageSize: 30, Filter: filter})
		return got
	}
	filters := []credenzav1.ResultFilter{credenzav1.ResultFilter_RESULT_FILTER_ALL, credenzav1.ResultFilter_RESULT_FILTER_FAILED}
	var want [][]int64
	for _, filter := range filters {
		want = append(want, list(filter))
	}
	jobs.HideMiddle(r.Service)
	for i, filter := range filters {
		if got := list(filter); len(got) < 50 || !slices.Equal(got, want[i]) {
			t.Errorf("%v: %d results are listed, want %d", filter, len(got), len(want[i]))
		}
	}
}

func TestListJobResults_OfACancelledJob(t *testing.T) {
	r := single(t)
	job := r.create(t, textual, goods(400, func(i int, it *catalog.Item) {
		if i > 250 {
			it.Description = "wait"
		}
	}))
	c := rawFront(t, r)
	testkit.Await(t, "some results are stored", func() bool {
		got, err := r.Get(t.Context(), allOwners, job.ID)
		return err == nil && got.Progress.Done > 200
	})
	res, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: job.ID, PageSize: 1000})
	if err != nil || len(res.GetResults()) <= 200 || res.GetNextPageToken() == "" || res.GetState() != credenzav1.JobState_JOB_STATE_RUNNING {
		t.Fatalf("%d results, %v", len(res.GetResults()), err)
	}
	cancelled, err := r.Cancel(t.Context(), allOwners, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	rest, _ := listPages(t, c, &credenzav1.ListJobResultsRequest{JobId: job.ID, PageToken: res.GetNextPageToken()})
	if n := len(res.GetResults()) + len(rest); int64(n) != cancelled.Progress.Done {
		t.Errorf("%d results are listed of %d", n, cancelled.Progress.Done)
	}
}

// TestListJobResults_ShowsWhatIsOnDisk has results that count only once they are on disk.
func TestListJobResults_ShowsWhatIsOnDisk(t *testing.T) {
	disk, r, _ := heldService(t, func(c *jobs.Config) { c.Sync = 0 })
	disk.open.Store(true)
	job := r.create(t, textual, goods(3, nil))
	r.watch(t, job.ID, nil, 0)
	c := rawFront(t, r)
	disk.open.Store(false)
	listed := make(chan int, 1)
	go func() {
		res, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: job.ID})
		if err != nil {
			t.Error(err)
		}
		listed <- len(res.GetResults())
	}()
	before(t, disk, listed)
	disk.let <- nil
	if n := <-listed; n != 3 {
		t.Errorf("%d results", n)
	}
}
