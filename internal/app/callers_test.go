package app_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// tokenFile is a file of callers whose tokens are their names with "-token".
type tokenFile struct {
	t    *testing.T
	path string
}

func newTokenFile(t *testing.T, text string) tokenFile {
	f := tokenFile{t, filepath.Join(t.TempDir(), "tokens.yaml")}
	f.write(text)
	return f
}

// write replaces the file as editors do.
func (f tokenFile) write(text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path+".new", []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

// entry is a caller's line of the file.
func entry(name, more string) string {
	return fmt.Sprintf("- {name: %s, sha256: %x, scopes: [classify]%s}\n", name, sha256.Sum256([]byte(name+"-token")), more)
}

// as returns a client with a caller's token.
func (w *world) as(t *testing.T, name string) *credenza.Client {
	return w.dial(t, credenza.WithToken(name+"-token"))
}

func TestTokenFile_ChangesAreInForceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokenFile(t, entry("old", "")+entry("brief", ", expires: 2000-01-01T00:01:00Z"))
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: 10 * time.Second}}, "--token-file="+tokens.path)
		old, added, brief := w.as(t, "old"), w.as(t, "added"), w.as(t, "brief")
		taxonomy := func(client *credenza.Client) codes.Code {
			_, err := client.Taxonomy(t.Context())
			return status.Code(err)
		}
		expect := func(when string, wantOld, wantAdded, wantBrief codes.Code) {
			t.Helper()
			time.Sleep(2 * time.Second)
			for name, c := range map[string][2]codes.Code{
				"old": {taxonomy(old), wantOld}, "added": {taxonomy(added), wantAdded}, "brief": {taxonomy(brief), wantBrief},
			} {
				if c[0] != c[1] {
					t.Errorf("%s: %s got %v, want %v", when, name, c[0], c[1])
				}
			}
		}
		const ok, unknown = codes.OK, codes.Unauthenticated
		expect("at first", ok, unknown, ok)
		inFlight := make(chan error)
		go func() {
			_, err := old.Classify(context.WithoutCancel(t.Context()), chair, credenza.Options{})
			inFlight <- err
		}()
		synctest.Wait()
		tokens.write("callers:\n" + entry("added", "") + entry("brief", ", expires: 2000-01-01T00:01:00Z"))
		expect("after the change", unknown, ok, ok)
		if err := <-inFlight; err != nil {
			t.Errorf("the call in flight ended with %v", err)
		}
		tokens.write("- {name: added")
		expect("with a file that is none", unknown, ok, ok)
		if err := os.Remove(tokens.path); err != nil {
			t.Fatal(err)
		}
		expect("without a file", unknown, ok, ok)
		time.Sleep(time.Minute)
		expect("after the time of one", unknown, ok, unknown)
		if said := strings.Count(w.log.String(), "cannot be used"); said != 2 {
			t.Errorf("%d lines say that the file cannot be used, want 2", said)
		}
	})
}

// TestTokenFile_IsReadAgainAtTheEndOfTheStart has the file change while the service starts.
func TestTokenFile_IsReadAgainAtTheEndOfTheStart(t *testing.T) {
	tokens := newTokenFile(t, entry("revoked", ""))
	listen := func(ctx context.Context, addr string) (net.Listener, error) {
		tokens.write(entry("added", ""))
		return new(net.ListenConfig).Listen(ctx, "tcp", addr)
	}
	c := settings(t, "--backend=offline", "--token-file="+tokens.path)
	a, err := app.Start(t.Context(), c, app.Options{LogTo: &buffer{}, Listen: listen, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(t.Context())
	for name, want := range map[string]codes.Code{"revoked": codes.Unauthenticated, "added": codes.OK} {
		client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext(), credenza.WithToken(name+"-token"))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Taxonomy(t.Context()); status.Code(err) != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// TestRequests_AreIdentifiedOnce counts by the numbers that callers without a name have.
func TestRequests_AreIdentifiedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{}, "--backend=offline")
		const service = "/credenza.v1.ClassificationService"
		const item, rows = `{"item":{"product_name":"Oak desk"}}`, `{"toggle":1,"data":[{"title":"Oak desk"}]}`
		get := "GET " + service + "/GetTaxonomy?connect=v1&encoding=json&message={} HTTP/1.1\r\nHost: localhost\r\n\r\n"
		classify := head(service+"/Classify", fmt.Sprint("Content-Length: ", len(item))) + item
		for _, request := range []string{classify, get, head("/classify-category", fmt.Sprint("Content-Length: ", len(rows))) + rows, classify} {
			if status, body, _ := w.exchange(t, request); status != http.StatusOK {
				t.Errorf("%d %s", status, body)
			}
		}
		synctest.Wait()
		var callers []string
		for _, match := range regexp.MustCompile(`"caller":"(call:\d+)"`).FindAllStringSubmatch(w.log.String(), -1) {
			callers = append(callers, match[1])
		}
		if want := []string{"call:1", "call:2", "call:3", "call:4"}; !slices.Equal(slices.Compact(callers), want) {
			t.Errorf("got %v, want %v", callers, want)
		}
	})
}

func TestTokenFile_IsReadAgainOnASignal(t *testing.T) {
	tokens := newTokenFile(t, entry("old", ""))
	a, _, reload := startReloading(t, "--token-file="+tokens.path)
	client := dialTo(t, a, credenza.WithToken("new-token"))
	if _, err := client.Taxonomy(t.Context()); status.Code(err) != codes.Unauthenticated {
		t.Fatal(err)
	}
	tokens.write(entry("new", ""))
	reload()
	if _, err := client.Taxonomy(t.Context()); err != nil {
		t.Error(err)
	}
}
