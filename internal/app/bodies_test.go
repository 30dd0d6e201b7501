package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
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
	status, body = answerOn(t, conn)
	return status, body, time.Since(begun)
}

// answerOn reads an answer. With its body come gRPC's status and message.
func answerOn(t *testing.T, conn net.Conn) (status int, body string) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body) // what came is compared
	return res.StatusCode, string(text) + res.Header.Get("Grpc-Status") + res.Header.Get("Grpc-Message")
}

// connect returns a connection to the HTTP address of a service.
func connect(t *testing.T, a *app.App) *net.TCPConn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", a.HTTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// head is the beginning of a request in JSON, if no other type is given.
func head(path string, headers ...string) string {
	if !strings.HasPrefix(strings.Join(headers, "\n"), "Content-Type") {
		headers = append(headers, "Content-Type: application/json")
	}
	return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

// A body that is none of HTTP, or does not come, is its caller's doing: the answer says so,
// and invites no repetition.
func TestBodies_ThatCannotBeReadAreTheirCallers(t *testing.T) {
	const classify, stream = "/credenza.v1.ClassificationService/Classify", "/credenza.v1.ClassificationService/ClassifyStream"
	const chunked, whole = "Transfer-Encoding: chunked", `{"item":{"product_name":"Oak desk"}}`
	const inTime = "the message did not arrive in time: send it at once"
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
		"nothing comes":               {head(classify, "Content-Length: 36"), 504, inTime},
		"half of the message comes":   {head(classify, "Content-Length: 36") + `{"item":`, 504, inTime},
		"half in protobuf":            {head(classify, "Content-Type: application/proto", "Content-Length: 36") + "\x0a\x10", 504, inTime},
		"half of a packed one comes":  {head(classify, "Content-Length: 36", "Content-Encoding: gzip") + "\x1f\x8b\x08", 504, inTime},
		"half of a stream's message":  {head(stream, "Content-Type: application/connect+json", "Content-Length: 36") + "\x00\x00\x00\x00\x1f{", 200, inTime},
		"half of a stream's head":     {head(stream, "Content-Type: application/connect+json", "Content-Length: 36") + "\x00\x00", 200, inTime},
		"half by gRPC-Web":            {head(stream, "Content-Type: application/grpc-web+proto", "Content-Length: 36") + "\x00\x00\x00\x00\x1f{", 200, inTime},
		"half of one by gRPC-Web":     {head(classify, "Content-Type: application/grpc-web+proto", "Content-Length: 36") + "\x00\x00\x00\x00\x1f{", 200, inTime},
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

// A caller that sends no more can still read: it is told so, and not that the service broke.
func TestBodies_ThatBreakOffAreAnsweredToTheirCallers(t *testing.T) {
	const classify, stream = "/credenza.v1.ClassificationService/Classify", "/credenza.v1.ClassificationService/ClassifyStream"
	a := startOn(t, "--backend=offline")
	for name, tc := range map[string]struct {
		request string
		status  int
	}{
		"JSON":     {head(classify, "Content-Length: 36") + `{"item":`, 499},
		"nothing":  {head(classify, "Content-Length: 36"), 499},
		"chunks":   {head(classify, "Transfer-Encoding: chunked") + "24\r\n{", 499},
		"gzip":     {head(classify, "Content-Length: 36", "Content-Encoding: gzip") + "\x1f\x8b\x08", 499},
		"a stream": {head(stream, "Content-Type: application/connect+json", "Content-Length: 36") + "\x00\x00\x00\x00\x1f{", 200},
		"gRPC-Web": {head(classify, "Content-Type: application/grpc-web+proto", "Content-Length: 36") + "\x00\x00\x00\x00\x1f{", 200},
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, a)
			if _, err := io.WriteString(conn, tc.request); err != nil {
				t.Fatal(err)
			}
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			const says = "the request broke off before its end: send all of its body"
			if status, body := answerOn(t, conn); status != tc.status || !strings.Contains(body, says) {
				t.Errorf("%d %s, want %d with %q", status, body, tc.status, says)
			}
		})
	}
}

// A caller that sends a stream may wait for an answer before it sends more.
func TestBodies_OfRefusedStreamsNeedNotEnd(t *testing.T) {
	const service, chunked = "/credenza.v1.", "Transfer-Encoding: chunked"
	const feed, job = service + "ClassificationService/ClassifyFeed", service + "JobService/CreateJob"
	const spec = "7\r\n\x00\x00\x00\x00\x02{}\r\n"
	a := startOn(t, "--backend=offline")
	for name, tc := range map[string]struct {
		request string
		status  int
		says    string
	}{
		"both sides send": {head(feed, "Content-Type: application/connect+json", chunked) + spec, 200, `"code":"unimplemented","message":"gRPC, and a method by which both sides send streams, need HTTP/2`},
		"by gRPC-Web":     {head(feed, "Content-Type: application/grpc-web+proto", chunked), 200, "12gRPC, and a method by which both sides send streams, need HTTP/2"},
		"by gRPC":         {head(job, "Content-Type: application/grpc+proto", chunked), 200, "12gRPC, and a method by which both sides send streams, need HTTP/2"},
		"another type":    {head(job, "Content-Type: text/plain", chunked) + spec, 415, "this Content-Type is not supported"},
		"no stream":       {head(job, chunked) + spec, 415, "this method is a stream"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, a)
			begun := time.Now()
			if err := conn.SetDeadline(begun.Add(time.Minute)); err != nil { // a hang is a failure
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, tc.request); err != nil {
				t.Fatal(err)
			}
			status, body := answerOn(t, conn)
			if took := time.Since(begun); status != tc.status || !strings.Contains(body, tc.says) || took > 4*time.Second {
				t.Errorf("after %v: %d %s, want %d with %q", took, status, body, tc.status, tc.says)
			}
		})
	}
}

// A connection that is reset is its caller's doing, and no failure of the service.
func TestBodies_OfConnectionsThatAreResetCountAsCancelled(t *testing.T) {
	lines, log := make(chan string, 100), &buffer{}
	a, err := app.Start(t.Context(), settings(t, "--backend=offline"), app.Options{LogTo: lineLog{log, lines}, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, a)
	// The answer to Expect shows that the body is being read.
	if _, err := io.WriteString(conn, head("/credenza.v1.ClassificationService/Classify", "Content-Length: 36", "Expect: 100-continue")); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	for line := range lines {
		if !strings.Contains(line, "finished call") {
			continue
		}
		if !strings.Contains(line, `"grpc.code":"Canceled"`) || !strings.Contains(line, "the request broke off") {
			t.Error(line)
		}
		break
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// lineLog is a log whose first lines are sent too.
type lineLog struct {
	*buffer
	lines chan<- string
}

func (l lineLog) Write(p []byte) (int, error) {
	select {
	case l.lines <- string(p):
	default: // only the first are waited for
	}
	return l.buffer.Write(p)
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
