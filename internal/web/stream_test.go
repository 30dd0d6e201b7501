package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/web"
)

// twoRows is a request that any engine may be asked with.
const twoRows = `{"data":[{"name":"a"},{"name":"b"}],"toggle":1}`

func TestEventsHaveTheOriginalsShape(t *testing.T) {
	outcomes := []catalog.Outcome{
		{Index: 0, Name: " Caf\u00e9 \u2028table \U0001f600 <b>", Classification: catalog.Classification{
			Category: "TABLE", Confidence: 0.93, PrimaryStyle: "SHABBY_CHIC", SecondaryStyle: "RUSTIC",
			StyleTags: []string{"warm"}, PlacementTags: []string{"dining room"}, Reasoning: "four\nlegs\u0085",
		}},
		{Index: 1, Err: fault.New(fault.Refused, "the model declined")},
		{Index: 2, Name: "\xffc", Classification: catalog.Classification{Category: "SOFA", Reasoning: "Soft."}, ImageErr: fault.New(fault.NoImageFound, "no picture")},
	}
	engine := fakeEngine{run: func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
		if _, err := next(ctx); err != nil || call.Options.Delivery != catalog.InOrder || call.Total != 2 || call.Options.BatchSize != 0 || call.Caller.ID != "call:1" {
			return catalog.Summary{}, fmt.Errorf("call %+v: %w", call, err)
		}
		at := time.Date(2026, 11, 27, 9, 30, 0, 123456789, time.FixedZone("", 3600))
		return catalog.Summary{Total: 3}, send(catalog.Batch{ID: 1, Kind: catalog.KindImage, Outcomes: outcomes, At: at})
	}}
	r := start(t, setup{engine: engine, config: web.Config{Origins: []string{"*"}}})
	got := r.ask(t, "POST", classifyPath, twoRows)
	first, rest, _ := strings.Cut(got.body, "\n\n")
	want := `data: {"batch_id":1,"results":[` +
		`{"product_name":"Caf\u00e9 \u2028table \ud83d\ude00 \u003cb\u003e","category":"TABLE","primary_style":"SHABBY CHIC","secondary_style":"RUSTIC","style_tags":["warm"],"placement_tags":["dining room"],"confidence":0.93,"reasoning":"four\nlegs\u0085"},` +
		`{"product_name":"Furniture Item 2","category":"ERROR","primary_style":null,"secondary_style":null,"style_tags":[],"placement_tags":[],"confidence":0.0,"reasoning":"the model declined"},` +
		`{"product_name":"c","category":"SOFA","primary_style":null,"secondary_style":null,"style_tags":[],"placement_tags":[],"confidence":0.0,"reasoning":"Soft. (From the text alone: no picture)"}],` +
		`"timestamp":"2026-11-27T08:30:00.123456+00:00","processing_type":"image_multithreaded","error":null,"total_processed":null}`
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	last := parseEvents(t, rest)[0]
	if last.BatchID != -1 || last.Results == nil || len(last.Results) != 0 || last.ProcessingType != "complete" || last.Error != nil || *last.TotalProcessed != 3 {
		t.Errorf("the last event is %+v", last)
	}
	for name, value := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Access-Control-Allow-Origin": "*"} {
		if got.header.Get(name) != value {
			t.Errorf("%s is %q", name, got.header.Get(name))
		}
	}
}

// lines reads an answer line by line, empty ones left out.
func lines(t *testing.T, res *http.Response) func() string {
	t.Cleanup(func() { _ = res.Body.Close() })
	in := bufio.NewReader(res.Body)
	return func() string {
		t.Helper()
		for {
			line, err := in.ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if line != "\n" {
				return strings.TrimSuffix(line, "\n")
			}
		}
	}
}

// timed sends a batch at each of the times, then ends with err.
func timed(err error, times ...time.Duration) fakeEngine {
	return fakeEngine{run: func(ctx context.Context, _ classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
		if _, err := next(ctx); err != nil {
			return catalog.Summary{}, err
		}
		began := time.Now()
		for i, at := range times {
			time.Sleep(time.Until(began.Add(at)))
			if err := send(batchOf(int64(i+1), catalog.KindText, sofa(int64(i), "a"))); err != nil {
				return catalog.Summary{}, err
			}
		}
		return catalog.Summary{Total: int64(len(times))}, err
	}}
}

func TestEventsComeAtOnceAndCommentsBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, setup{engine: timed(nil, time.Second, 41*time.Second, 41*time.Second)})
		began := time.Now()
		res := r.begin(t, "POST", classifyPath, twoRows)
		if took := time.Since(began); took != 0 || res.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("the headers came after %v", took)
		}
		next := lines(t, res)
		for _, want := range []struct {
			at   time.Duration
			text string
		}{
			{time.Second, `data: {"batch_id":1`},
			{16 * time.Second, ":"},
			{31 * time.Second, ":"},
			{41 * time.Second, `data: {"batch_id":2`},
			{41 * time.Second, `data: {"batch_id":3`},
			{41 * time.Second, `data: {"batch_id":-1`},
		} {
			if line := next(); !strings.HasPrefix(line, want.text) || time.Since(began) != want.at {
				t.Errorf("%q after %v, want %q after %v", line, time.Since(began), want.text, want.at)
			}
		}
	})
}

func TestCallsThatFail(t *testing.T) {
	for name, tt := range map[string]struct {
		engine fakeEngine
		status int
		body   string
		log    string
	}{
		"before they begin": {fakeEngine{run: func(context.Context, classify.Call, classify.Source, classify.Sink) (catalog.Summary, error) {
			return catalog.Summary{}, fault.New(fault.ServerFull, "come again").After(3 * time.Second)
		}}, 429, `{"detail":"come again"}`, "SERVER_FULL"},
		"by a panic before": {fakeEngine{run: func(context.Context, classify.Call, classify.Source, classify.Sink) (catalog.Summary, error) {
			panic("secret state")
		}}, 500, `{"detail":"a fault of the service: try again, and report it if it stays"}`, "INTERNAL"},
		"midway":  {timed(fault.New(fault.Internal, "it broke"), 0), 200, `"batch_id":2,"results":[],`, "INTERNAL"},
		"halfway": {timed(fault.New(fault.Internal, "it broke"), 0), 200, `"processing_type":"error","error":"it broke"`, "INTERNAL"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{engine: tt.engine})
			got := r.ask(t, "POST", classifyPath, twoRows)
			if got.status != tt.status || !strings.Contains(got.body, tt.body) || strings.Contains(got.body, "complete") || strings.Contains(got.body, "secret") {
				t.Errorf("%d %s", got.status, got.body)
			}
			logged := r.logs.FilterMessage("finished call").All()
			if len(logged) != 1 || logged[0].ContextMap()["reason"] != tt.log {
				t.Errorf("the log has %v", logged)
			}
			if metrics := r.ask(t, "GET", "/metrics", "").body; !strings.Contains(metrics, fmt.Sprintf(`credenza_http_calls_total{path="/classify-category",result=%q,status="%d"} 1`, tt.log, tt.status)) {
				t.Errorf("the metrics have %s", metrics)
			}
		})
	}
}

// silent waits until its call ends, and tells when.
func silent(ended chan<- time.Time) fakeEngine {
	return fakeEngine{run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
		_, err := next(ctx)
		<-ctx.Done()
		ended <- time.Now()
		return catalog.Summary{}, errors.Join(err, context.Cause(ctx))
	}}
}

func TestCallerThatLeaves_EndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Time, 1)
		r := start(t, setup{engine: silent(ended)})
		res := r.begin(t, "POST", classifyPath, twoRows)
		left := time.Now()
		_ = res.Body.Close()
		if d := (<-ended).Sub(left); d != 0 {
			t.Errorf("the engine learned of it after %v", d)
		}
		synctest.Wait()
		if got := r.logs.FilterMessage("finished call").All(); len(got) != 1 || got[0].ContextMap()["reason"] != "CANCELLED" {
			t.Errorf("the log has %v", got)
		}
	})
}

// endless sends batches of a kilobyte until it is stopped, and counts them.
func endless(sent *int, ended chan<- time.Time) fakeEngine {
	return fakeEngine{run: func(_ context.Context, _ classify.Call, _ classify.Source, send classify.Sink) (catalog.Summary, error) {
		for {
			o := sofa(0, "a")
			o.Classification.Reasoning = strings.Repeat("because ", 128)
			if err := send(batchOf(1, catalog.KindText, o)); err != nil {
				ended <- time.Now()
				return catalog.Summary{}, err
			}
			*sent++
		}
	}}
}

func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, ended := 0, make(chan time.Time, 1)
		r := start(t, setup{engine: endless(&sent, ended), config: web.Config{WriteTimeout: 5 * time.Minute}})
		conn := r.dial(t)
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", classifyPath, len(twoRows), twoRows)
		if err != nil {
			t.Fatal(err)
		}
		// One byte a second is slow, and is read.
		for range 3600 {
			if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if sent > 10 {
			t.Errorf("%d kilobytes were sent to a reader that took 3.6", sent)
		}
		stopped := time.Now()
		if d := (<-ended).Sub(stopped); d < 5*time.Minute || d > 10*time.Minute {
			t.Errorf("a reader that takes nothing was cut off after %v", d)
		}
	})
}

func TestSlowSenders(t *testing.T) {
	for name, tt := range map[string]struct {
		path  string
		send  int           // bytes of a body of a megabyte
		every time.Duration // one of them
		last  time.Duration
		want  string
	}{
		"nothing comes":          {classifyPath, 0, 0, 30 * time.Second, "408"},
		"a byte a second":        {classifyPath, 100, time.Second, 31 * time.Second, "408"},
		"nothing, to a probe":    {"/healthz", 0, 0, 30 * time.Second, "405"},
		"nothing, to a service":  {"/some.v1.Service/Method", 0, 0, 31 * time.Second, "200"},
		"a stream may be silent": {"/some.v1.Service/Upload", 0, 0, time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, setup{services: func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) }})
				conn := r.dial(t)
				if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", tt.path); err != nil {
					t.Fatal(err)
				}
				began, sent := time.Now(), make(chan struct{})
				go func() {
					defer close(sent)
					for range tt.send {
						if _, err := conn.Write([]byte(" ")); err != nil {
							return
						}
						time.Sleep(tt.every)
					}
				}()
				if tt.want == "" {
					time.Sleep(tt.last)
					_ = conn.SetReadDeadline(time.Now())
				}
				status, err := bufio.NewReader(conn).ReadString('\n')
				took := time.Since(began)
				_ = conn.Close()
				<-sent
				if tt.want == "" && err != nil {
					return
				}
				if !strings.Contains(status, tt.want) || took > tt.last {
					t.Errorf("%q after %v", status, took)
				}
			})
		})
	}
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, setup{engine: timed(nil, time.Second, 20*time.Second)})
		next := lines(t, r.begin(t, "POST", classifyPath, twoRows))
		down := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		go func() { down <- r.Drain(ctx) }()
		synctest.Wait()
		if got := r.ask(t, "POST", classifyPath, twoRows); got.status != 503 || !strings.Contains(detail(t, got.body), "shutting down") {
			t.Errorf("a new call: %+v", got)
		}
		if got := r.ask(t, "GET", "/healthz", ""); got.status != 200 {
			t.Errorf("a probe: %+v", got)
		}
		for _, want := range []string{`data: {"batch_id":1`, ":", `data: {"batch_id":2`, `data: {"batch_id":-1`} {
			if line := next(); !strings.HasPrefix(line, want) {
				t.Errorf("got %q, want %q", line, want)
			}
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

func TestDrainCutsOffWhatDoesNotEnd(t *testing.T) {
	for name, reads := range map[string]bool{"a reader is told": true, "one who does not read is cut off": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended, sent := make(chan time.Time, 1), 0
				engine := silent(ended)
				if !reads {
					engine = endless(&sent, ended)
				}
				r := start(t, setup{engine: engine})
				res := r.begin(t, "POST", classifyPath, twoRows)
				defer func() { _ = res.Body.Close() }()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				down := make(chan error, 1)
				go func() { down <- r.Drain(ctx) }()
				if reads {
					next := lines(t, res)
					if line := next(); !strings.Contains(line, `"processing_type":"error"`) || !strings.Contains(line, "shutting down") {
						t.Errorf("the last line is %q", line)
					}
				}
				if err := <-down; err == nil || !strings.Contains(err.Error(), "1 call had to be cut off") {
					t.Errorf("Drain said %v", err)
				}
				if took := time.Since(began); took < 10*time.Second || took > 13*time.Second {
					t.Errorf("Drain took %v", took)
				}
				if d := (<-ended).Sub(began); d != 10*time.Second {
					t.Errorf("the engine was stopped after %v", d)
				}
			})
		})
	}
}

func TestOrigins(t *testing.T) {
	preflight := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type"}
	for _, tt := range []struct {
		origins        []string
		origin         string
		allowed        string
		status, called int
	}{
		{[]string{"*"}, "https://shop.example", "*", 204, 200},
		{[]string{"*"}, "null", "*", 204, 200},
		{[]string{"https://shop.example"}, "https://shop.example", "https://shop.example", 204, 200},
		{[]string{"https://shop.example"}, "https://other.example", "", 204, 403},
		{[]string{"https://shop.example"}, "http://memory", "", 204, 200},
		{nil, "https://shop.example", "", 204, 403},
	} {
		for _, path := range []string{classifyPath, "/some.v1.Service/Method"} {
			r := start(t, setup{config: web.Config{Origins: tt.origins}})
			got := r.ask(t, "OPTIONS", path, "", append(preflight, "Origin: "+tt.origin)...)
			if got.status != tt.status || got.header.Get("Access-Control-Allow-Origin") != tt.allowed {
				t.Errorf("%v, %s, %s before the call: %+v", tt.origins, tt.origin, path, got)
			}
			got = r.ask(t, "POST", path, twoRows, "Origin: "+tt.origin)
			if got.status != tt.called || got.header.Get("Access-Control-Allow-Origin") != tt.allowed {
				t.Errorf("%v, %s, %s: %+v", tt.origins, tt.origin, path, got)
			}
			if kept := got.header.Get("Cache-Control"); got.status == 403 && kept != "no-store" {
				t.Errorf("%s: a refusal has Cache-Control %q", path, kept)
			}
		}
	}
}

func TestHTTP2WithoutTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The stream is silent for longer than its reader may be.
		r := start(t, setup{engine: timed(nil, time.Second, 31*time.Minute), config: web.Config{Heartbeat: time.Hour}})
		transport := &http.Transport{DialContext: r.pipe.DialContext, Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		r.client = &http.Client{Transport: transport}
		defer transport.CloseIdleConnections()
		res := r.begin(t, "POST", classifyPath, twoRows)
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.ProtoMajor != 2 {
			t.Fatal(res.Proto, err)
		}
		if events := parseEvents(t, string(text)); len(events) != 3 {
			t.Errorf("%d events", len(events))
		}
	})
}
