package llmsim_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
)

// benchBody is a request of the size that a classification has: a system message
// of 6 KB, a schema of two lists of names, a short item.
func benchBody(item string) []byte {
	system := strings.Repeat(`Decide by the head noun; \"bed with storage\" is a bed.\n`, 110)
	return fmt.Appendf(nil, `{"model":"gpt-4o-mini","messages":[{"role":"system","content":"%s"},`+
		`{"role":"user","content":"%s"}],"response_format":{"type":"json_schema","json_schema":%s},"max_completion_tokens":400}`,
		system, item, furnitureFormat)
}

const furnitureFormat = `{"name":"classification","strict":true,"schema":{"type":"object","additionalProperties":false,` +
	`"required":["category","confidence","primary_style","secondary_style","style_tags","reasoning"],"properties":{` +
	`"category":{"type":"string","enum":["SOFA","CHAIR","BED","TABLE","STOOL","STORAGE","NIGHTSTAND","OTHER"]},` +
	`"confidence":{"type":"number","minimum":0,"maximum":1},` +
	`"primary_style":{"type":"string","enum":["MODERN","RUSTIC","SHABBY_CHIC","COASTAL"]},` +
	`"secondary_style":{"type":["string","null"]},` +
	`"style_tags":{"type":"array","minItems":3,"maxItems":5,"items":{"type":"string"}},` +
	`"reasoning":{"type":"string"}}}}`

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// BenchmarkHandler is the simulator's own share of a call, without net/http.
func BenchmarkHandler(b *testing.B) {
	text := benchBody("Name: a plain chair\\nType: seating")
	bodies := map[string][]byte{
		"text":     text,
		"logprobs": slices.Concat(bytes.TrimSuffix(text, []byte("}")), []byte(`,"logprobs":true}`)),
		"image":    imageBody(1 << 20),
	}
	for name, body := range bodies {
		b.Run(name, func(b *testing.B) {
			sim, err := llmsim.New(llmsim.Config{Quota: llmsim.Quota{
				Requests: llmsim.Limit{Amount: 1e9, Per: time.Second},
				Tokens:   llmsim.Limit{Amount: 1e9, Per: time.Second},
			}})
			if err != nil {
				b.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil)
			r.Header.Set("Authorization", "Bearer sk-benchmark")
			r.ContentLength = int64(len(body))
			reader := bytes.NewReader(body)
			r.Body = io.NopCloser(reader)
			w := discard{make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				sim.ServeHTTP(w, r)
			}
			if got := sim.Stats(); got.Succeeded != got.Calls {
				b.Fatalf("%d of %d calls succeeded", got.Succeeded, got.Calls)
			}
		})
	}
}

func imageBody(size int) []byte {
	return fmt.Appendf(nil, `{"model":"m","messages":[{"role":"system","content":"Look."},{"role":"user","content":[`+
		`{"type":"text","text":"A chair?"},{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,%s","detail":"high"}}]}]}`,
		strings.Repeat("QUJD", size/4))
}

// BenchmarkLoopback is a whole call over TCP with a client that does next to
// nothing. Its cpu-µs/call is client and server together: an upper bound for the
// simulator with net/http.
func BenchmarkLoopback(b *testing.B) {
	sim, err := llmsim.New(llmsim.Config{})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	body := benchBody("Name: a plain chair\\nType: seating")
	request := fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: llmsim\r\nAuthorization: Bearer sk-benchmark\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	before := cpuTime(b)
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		answers := bufio.NewReaderSize(conn, 16<<10)
		for pb.Next() {
			if err := exchange(conn, answers, request); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/call")
}

// exchange sends a request and reads the answer, looking only for its length.
func exchange(conn net.Conn, answers *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	length := 0
	for {
		line, err := answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, c := range bytes.TrimSpace(rest) {
				length = length*10 + int(c-'0')
			}
		}
	}
	_, err := answers.Discard(length)
	return err
}

func cpuTime(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
