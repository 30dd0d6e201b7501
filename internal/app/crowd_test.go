package app_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// bulk begins calls of so many bulk items each, of which the last may be refused,
// and returns when their items wait for the model. They end with the context.
func bulk(ctx context.Context, t *testing.T, client *credenza.Client, calls, items int) (wait func()) {
	t.Helper()
	var running sync.WaitGroup
	for call := range calls {
		list := goods(items, func(i int, it *credenza.Item) { it.ProductName = fmt.Sprint("oak chair ", call, " of ", i) })
		running.Go(func() {
			results := 0
			for _, err := range client.ClassifyStream(ctx, list, credenza.Options{Bulk: true}).Results() {
				if err != nil && ctx.Err() == nil && results > 0 {
					t.Errorf("a running call: %v", err)
				}
				results++
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	return running.Wait
}

// refusal is the text of the refusal of a new bulk call, empty if there is none.
func refusal(ctx context.Context, t *testing.T, client *credenza.Client) string {
	t.Helper()
	ctx, leave := context.WithTimeout(ctx, 50*time.Millisecond)
	defer leave()
	_, err := client.Classify(ctx, credenza.Item{ProductName: "stool"}, credenza.Options{Bulk: true})
	var e *credenza.Error
	if !errors.As(err, &e) || e.Reason != "SERVER_FULL" {
		return ""
	}
	if e.Code != "RESOURCE_EXHAUSTED" || e.RetryAfter < time.Second || e.RetryAfter > time.Minute {
		t.Errorf("the refusal is %+v", e)
	}
	return e.Message
}

// urgent makes interactive calls, two a second, over gRPC and HTTP, and fails the
// test for each that gets no answer.
func urgent(t *testing.T, w *world, client *credenza.Client, authorization string) {
	t.Helper()
	for i := range 20 {
		item := credenza.Item{ProductName: fmt.Sprint("urgent stool ", i)}
		if r, err := client.Classify(t.Context(), item, credenza.Options{}); err != nil || r.Err != nil {
			t.Errorf("interactive call %d: %v, %v", i, err, r.Err)
		}
		body := fmt.Sprintf(`{"toggle":1,"data":[{"name":"urgent bench %d"}]}`, i)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, compatible, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", authorization)
		answer, err := w.over().Do(req)
		if err != nil {
			t.Error(err)
			continue
		}
		text, err := io.ReadAll(answer.Body)
		if n, complete := countResults(text); n != 1 || !complete || err != nil || answer.Body.Close() != nil {
			t.Errorf("interactive call %d over HTTP: %d %s", i, answer.StatusCode, text)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// A caller with a queue of its own is refused alone. All classes and callers once
// had one bound, so that one caller's bulk had every call of all others refused.
func TestBulkOfOneCallerRefusesNoOther(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens.yaml")
	var file strings.Builder
	for _, name := range []string{"alice", "bob"} {
		fmt.Fprintf(&file, "- name: %s\n  sha256: %x\n  scopes: [classify]\n", name, sha256.Sum256([]byte(name+"-token-0123456789")))
	}
	if err := os.WriteFile(tokens, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flags []string
		token func(name string) []credenza.Option
		whose string
		http  string
	}{
		"without tokens": {nil, func(string) []credenza.Option { return nil }, "this connection", ""},
		"with tokens": {[]string{"--token-file=" + tokens}, func(name string) []credenza.Option {
			return []credenza.Option{credenza.WithToken(name + "-token-0123456789")}
		}, `"bob"`, "Bearer alice-token-0123456789"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: time.Second}},
					append([]string{"--max-workers=4", "--queue-limit=20"}, c.flags...)...)
				alice, bob := w.dial(t, c.token("alice")...), w.dial(t, c.token("bob")...)
				classify(t, alice, goods(1, nil), credenza.Options{Cache: credenza.CacheBypass}) // the first question goes alone
				ctx, leave := context.WithCancel(t.Context())
				wait := bulk(ctx, t, bob, 6, 200)
				if s := refusal(ctx, t, bob); !strings.Contains(s, "bulk questions of "+c.whose) {
					t.Errorf("a new bulk call of the caller with the queue: %q", s)
				}
				if s := refusal(ctx, t, alice); s != "" {
					t.Errorf("a bulk call of another caller is refused: %s", s)
				}
				urgent(t, w, alice, c.http)
				leave()
				wait()
			})
		})
	}
}

func TestAJobRefusesNoInteractiveCall(t *testing.T) {
	client := serveJobs(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: 50 * time.Millisecond}}, "--max-workers=2", "--queue-limit=1")
	job, err := client.CreateJob(t.Context(), slices.Values(goods(2000, nil)), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	watch := client.WatchJob(t.Context(), job.ID, "")
	asked := 0
	for _, err := range watch.Batches() {
		if err != nil {
			t.Fatal(err)
		}
		status, err := client.Status(t.Context())
		if err != nil || status.Queue.Bulk < 1 {
			t.Fatalf("%d of the job's items wait: %v", status.Queue.Bulk, err)
		}
		if r, err := client.Classify(t.Context(), credenza.Item{ProductName: fmt.Sprint("stool ", asked)}, credenza.Options{}); err != nil || r.Err != nil {
			t.Errorf("%v, %v", err, r.Err)
		}
		if asked++; asked == 5 {
			break
		}
	}
	if _, err := client.CancelJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
}
