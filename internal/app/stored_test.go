package app_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// unpack returns the data folder that a file holds, and what is in it.
func unpack(t *testing.T, path string) (dir string, s stored) {
	t.Helper()
	dir = t.TempDir()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for packed := tar.NewReader(zipped); ; {
		head, err := packed.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, head.Name)
		if head.FileInfo().IsDir() {
			err = os.MkdirAll(to, 0o700)
		} else if content, readErr := io.ReadAll(packed); readErr != nil {
			err = readErr
		} else {
			err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, content, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	says, err := os.ReadFile(filepath.Join(dir, storedName))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(says, &s); err != nil {
		t.Fatal(err)
	}
	return dir, s
}

// natsOn starts a NATS server on a folder.
func natsOn(t *testing.T, dir string) *server.Server { return natsAt(t, dir, -1) }

func natsAt(t *testing.T, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// TestUpgrade_StoredDataOpens opens what earlier versions have stored, as a data folder
// and as the store of a NATS server.
func TestUpgrade_StoredDataOpens(t *testing.T) {
	files, err := filepath.Glob("testdata/stored/*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tar.gz")
		t.Run(name+" in a folder", func(t *testing.T) {
			dir, s := unpack(t, file)
			s.opens(t, broker.Config{Dir: dir}, "--data-dir="+dir)
		})
		t.Run(name+" on a server", func(t *testing.T) {
			dir, s := unpack(t, file)
			url := natsOn(t, dir).ClientURL()
			s.opens(t, broker.Config{URL: url}, "--nats-url="+url)
		})
	}
}

// opens fails unless a program on the store has everything that is in it.
func (s *stored) opens(t *testing.T, store broker.Config, place string) {
	t.Helper()
	s.answersAreRead(t, store)
	sim, model := testkit.ServeSim(t, llmsim.Config{Behaviours: []string{"openai-logprobs"}})
	flags := append([]string{place, "--openai-base-url=" + s.Model, "--openai-api-key=sk-stored"}, keeping...)
	log := &buffer{}
	a, err := app.Start(t.Context(), settings(t, flags...), app.Options{LogTo: log, Model: model.Client.Transport})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log)
		}
	}()
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	s.modelIsKnown(t, client)
	for _, name := range []string{"finished", "cancelled", "failed"} {
		s.jobIsAsItWas(t, client, s.Jobs[name])
	}
	s.jobIsReviewed(t, a.GRPCAddr(), s.Jobs["finished"])
	s.jobContinues(t, client, s.Jobs["half"])
	s.jobContinues(t, client, s.Jobs["begun"])
	retried, err := client.Retry(t.Context(), s.Jobs["finished"].Job.ID, credenza.RetryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if sum := allSucceed(t, client, retried.ID); sum.Total != 10 {
		t.Errorf("%+v of what had failed", sum)
	}
	if stats := sim.Stats(); stats.ByStatus["400"] > 0 {
		t.Errorf("the model was asked what it had refused before: %+v", stats)
	}
}

// answersAreRead fails unless each stored answer can be used.
func (s *stored) answersAreRead(t *testing.T, store broker.Config) {
	t.Helper()
	b, err := broker.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	kv, err := b.JetStream().KeyValue(t.Context(), "credenza_answers")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil || len(keys) < s.Answers {
		t.Fatalf("%d of %d answers are there: %v", len(keys), s.Answers, err)
	}
	age, err := time.ParseDuration(longTime)
	if err != nil {
		t.Fatal(err)
	}
	answers := cache.New(cache.Config{TTL: age, Bucket: &cache.Bucket{JetStream: b.JetStream(), Publish: b.Publish, MaxBytes: 64 << 20}})
	defer answers.Close()
	for _, key := range keys {
		var look catalog.Lookup
		if n, err := base64.RawURLEncoding.Decode(look.Key[:], []byte(key)); err != nil || n != len(look.Key) {
			t.Fatal(key, err)
		}
		answer, err := answers.Do(t.Context(), look, func(context.Context) (catalog.Answer, error) {
			return catalog.Answer{}, errors.New("it would be asked again")
		})
		if err != nil || answer.Classification.Category == "" || !answer.Trace.Cached || answer.Asked.IsZero() {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
}

// modelIsKnown fails unless what was learned of the model is there before it is asked.
func (s *stored) modelIsKnown(t *testing.T, client *credenza.Client) {
	t.Helper()
	status, err := client.Status(t.Context())
	if err != nil || len(status.Profiles) != 1 || !status.Profiles[0].Settled {
		t.Fatalf("%+v, %v", status.Profiles, err)
	}
	if !slices.ContainsFunc(status.Profiles[0].Parts, func(p credenza.ProfilePart) bool { return p.Source == "LEARNED" }) {
		t.Errorf("nothing is learned: %+v", status.Profiles)
	}
}

func (s *stored) jobIsAsItWas(t *testing.T, client *credenza.Client, want storedJob) {
	t.Helper()
	got := jobOf(t, client, want.Job.ID, 0)
	// Versions that did not tell a job's tokens have stored those of its results.
	want.Job.PromptTokens, want.Job.CompletionTokens = 0, 0
	for _, r := range want.Results {
		want.Job.PromptTokens += r.Trace.PromptTokens
		want.Job.CompletionTokens += r.Trace.CompletionTokens
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the job is another one than it was:\n%s", diff)
	}
}

// jobContinues fails unless the job keeps its results and gets those that are missing.
func (s *stored) jobContinues(t *testing.T, client *credenza.Client, want storedJob) {
	t.Helper()
	got := jobOf(t, client, want.Job.ID, 0)
	if got.Job.State != credenza.JobSucceeded || got.Job.Progress.Done != want.Job.Progress.Total || got.Job.Progress.Failed != 0 {
		t.Errorf("it ends as %+v", got.Job)
	}
	if len(want.Results) == 0 {
		return
	}
	if diff := cmp.Diff(want.Results, got.Results[:len(want.Results)], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("its results are others than they were:\n%s", diff)
	}
}

// jobIsReviewed fails unless a stored job can be listed and corrected.
func (s *stored) jobIsReviewed(t *testing.T, address string, job storedJob) {
	t.Helper()
	r := dialReviews(t, address)
	page := r.list(t, &credenzav1.ListReviewItemsRequest{JobId: job.Job.ID, PageSize: 1000})
	if len(page.GetItems()) != len(job.Results) {
		t.Errorf("%d of %d results are listed", len(page.GetItems()), len(job.Results))
	}
	r.put(t, correct(job.Job.ID, &credenzav1.Correction{Index: 3, Category: "BED"}))
	if got := r.corrected(t, job.Job.ID); !slices.Equal(got, []string{"3 BED by Ada"}) {
		t.Errorf("its corrections are %q", got)
	}
}

// TestUpgrade_AnEarlierVersionLeavesCorrections has the program that -old.program names
// work on a folder with corrections, between two runs of this one.
func TestUpgrade_AnEarlierVersionLeavesCorrections(t *testing.T) {
	if *oldProgram == "" {
		t.Skip("there is no earlier version: -old.program names its program")
	}
	flags := append([]string{"--data-dir=" + t.TempDir(), "--backend=offline"}, keeping...)
	var ids []string
	run := func(use func(*reviewed)) {
		r := serveReviews(t, flags...)
		use(r)
		r.close(t)
	}
	run(func(r *reviewed) {
		for range 2 {
			ids = append(ids, r.job(t, furniture(50), credenza.Options{}))
			r.put(t, correctAll(ids[len(ids)-1], nil, &credenzav1.Correction{Category: "BED"}))
		}
	})
	old := runOld(t, flags...)
	if job := jobOf(t, old.client, ids[0], 0); len(job.Results) != 50 {
		t.Errorf("the earlier version lists %d results", len(job.Results))
	}
	if err := old.client.DeleteJob(t.Context(), ids[1]); err != nil {
		t.Error(err)
	}
	old.kill()
	run(func(r *reviewed) {
		if got := r.corrected(t, ids[0]); len(got) != 50 || got[7] != "7 BED by Ben" {
			t.Errorf("corrections are %q", got)
		}
		if _, err := r.ListCorrections(t.Context(), &credenzav1.ListCorrectionsRequest{JobId: ids[1]}); status.Code(err) != codes.NotFound {
			t.Errorf("corrections of the deleted job: %v", err)
		}
	})
}

// TestUpgrade_TwoVersionsFinishAJob has the program that -old.program names and this one
// share the jobs of each.
func TestUpgrade_TwoVersionsFinishAJob(t *testing.T) {
	if *oldProgram == "" {
		t.Skip("there is no earlier version: -old.program names its program")
	}
	var sound atomic.Bool
	sound.Store(true)
	flags := append([]string{"--nats-url=" + natsOn(t, t.TempDir()).ClientURL(), "--openai-base-url=" + oldModel(t, &sound), "--openai-api-key=sk-stored"}, keeping...)
	old := runOld(t, flags...)
	client, end := replica(t, &buffer{}, flags...)
	defer end()
	for i, maker := range []*credenza.Client{client, old.client} {
		items := goods(2000, func(n int, it *credenza.Item) { it.ProductName = fmt.Sprint("job ", i, " chair ", n) })
		job, err := maker.CreateJob(t.Context(), slices.Values(items), textJob)
		if err != nil {
			t.Fatal(err)
		}
		for _, reader := range []*credenza.Client{old.client, client} {
			if sum := allSucceed(t, reader, job.ID); sum.Total != 2000 {
				t.Errorf("%+v", sum)
			}
		}
	}
	for _, c := range []*credenza.Client{old.client, client} {
		status, err := c.Status(t.Context())
		if err != nil || status.Keys[0].Calls < 400 {
			t.Errorf("a replica made %d of 4,000 calls: %v", status.Keys[0].Calls, err)
		}
	}
}
