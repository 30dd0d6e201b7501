package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
)

// exchange sends bytes over a connection of its own, and returns the first answer with its
// body, and how long it took.
func (w *world) exchange(t *testing.T, request string) (status int, body string, took time.Duration) {
	t.Helper()
	conn, err := w.web.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	begun := time.Now()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	took = time.Since(begun)
	text, _ := io.ReadAll(res.Body) // what came is compared
	return res.StatusCode, string(text), took
}

// head is the beginning of a request in JSON.
func head(path string, headers ...string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

// A body that is none of HTTP, or does not come, is its caller's doing: the answer says so,
// and invites no repetition.
func TestBodies_ThatCannotBeReadAreTheirCallers(t *testing.T) {
	const classify, chunked, whole = "/credenza.v1.ClassificationService/Classify", "Transfer-Encoding: chunked", `{"item":{"product_name":"Oak desk"}}`
	badChunk := head(classify, chunked) + fmt.Sprintf("%x\r\n%s\r\n", len(whole), whole)
	for name, tc := range map[string]struct {
		request string
		status  int
		says    string
	}{
		"no chunk":                    {head(classify, chunked) + "zz\r\n", 400, "the body's chunks cannot be read: send them as HTTP/1.1 has it"},
		"no chunk after the message":  {badChunk + "zz\r\n", 400, "the body's chunks cannot be read"},
		"a chunk of too many bytes":   {head(classify, chunked) + "ffffffffffffffff1\r\n", 400, "the body's chunks cannot be read"},
		"no chunk, older clients":     {head("/classify-category", chunked) + "zz\r\n", 400, "the body's chunks cannot be read"},
		"half comes to older clients": {head("/classify-category", "Content-Length: 36") + `{"data":`, 408, "The body did not come in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{})
				status, body, took := w.exchange(t, tc.request)
				if status != tc.status || !strings.Contains(body, tc.says) || took > time.Minute {
					t.Errorf("after %v: %d %s, want %d with %q", took, status, body, tc.status, tc.says)
				}
				if strings.Contains(w.log.String(), `"level":"error"`) {
					t.Errorf("the log takes it for a fault of the service: %s", w.log)
				}
			})
		})
	}
}

// A caller that asks before it sends its body is answered without it.
func TestExpect_IsAnsweredAtOnceIfTheCallIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	if err := os.WriteFile(file, []byte("- {name: shop, sha256: "+strings.Repeat("ab", 32)+", scopes: [classify]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/credenza.v1.ClassificationService/Classify", "/classify-category"} {
		synctest.Test(t, func(t *testing.T) {
			w := build(t, llmsim.Config{}, "--token-file="+file)
			status, body, took := w.exchange(t, head(path, "Content-Length: 36", "Expect: 100-continue"))
			if status != http.StatusUnauthorized || took > time.Second {
				t.Errorf("%s: after %v: %d %s", path, took, status, body)
			}
		})
	}
}
