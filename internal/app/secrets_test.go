package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/tidwall/gjson"
	"google.golang.org/grpc"
	channelzv1 "google.golang.org/grpc/channelz/grpc_channelz_v1"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// What is planted. Each is in the settings, in the headers of calls or in items, and no text that
// comes out may have it.
const (
	plantedKey     = "q7-planted-key-A1b2C3d4"
	plantedDeadKey = "q7-planted-dead-key-E5f6"
	plantedUser    = "planted-user"
	plantedPass    = "planted-pass"
	plantedQuery   = "planted-query"
	plantedSetting = "planted-setting"
	plantedHeader  = "planted-header"
	plantedToken   = "planted-token-of-shop"
	plantedWrong   = "planted-wrong-token"
	plantedNATS    = "planted-nats"
	plantedOTLP    = "planted-otlp"
	plantedText    = "planted walnut words" // of products
	plantedAddress = "planted-address"      // of their pictures and pages
)

// evidence is what came out of the service, by where.
type evidence struct {
	t     *testing.T
	mu    sync.Mutex
	texts map[string]string
}

func (e *evidence) add(where, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.texts[where] += text + "\n"
}

// addError adds a call's error, which must be there.
func (e *evidence) addError(where string, err error) {
	e.t.Helper()
	if err == nil {
		e.t.Errorf("%s did not fail", where)
		return
	}
	e.add("error of "+where, fmt.Sprintf("%v\n%+v\n%#v", err, err, err))
}

// search reports each place at which something planted came out.
func (e *evidence) search(planted ...string) {
	e.t.Helper()
	for where, text := range e.texts {
		for _, word := range planted {
			if at := strings.Index(strings.ToLower(text), strings.ToLower(word)); at >= 0 {
				e.t.Errorf("%q is in %s: ...%s...", word, where, text[max(0, at-200):min(len(text), at+len(word)+100)])
			}
		}
	}
}

// indiscreet is a model's server that fails as the product's text says ("fail:503"), and then
// quotes all that it was sent.
func indiscreet(t *testing.T) *httptest.Server {
	sim := testkit.NewSim(t, llmsim.Config{Latency: llmsim.Latency{Median: 5 * time.Millisecond}})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		question := gjson.GetBytes(body, "messages.@reverse.0.content").String()
		quote := fmt.Sprintf("cannot %s %s with %s: %s", r.Method, r.URL, r.Header, question)
		status := 0
		_, product, _ := strings.Cut(question, "<product>")
		if _, text, ok := strings.Cut(question, "fail:"); ok {
			_, _ = fmt.Sscanf(text, "%d", &status)
		}
		switch status { // little of it is shown
		case 400, 403, 500:
			quote = product + quote
		case 404, 4:
			quote = fmt.Sprint(r.Header["X-Tenant"], r.Header["Authorization"], quote)
		}
		switch {
		case strings.Contains(r.Header.Get("Authorization"), plantedDeadKey):
			http.Error(w, fmt.Sprintf(`{"error":{"code":"invalid_api_key","message":%q}}`, "bad key: "+quote), http.StatusUnauthorized)
		case status == 1: // no completion at all
			_, _ = io.WriteString(w, quote)
		case status == 2: // cut off in the middle
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, quote)
		case status == 3: // an address that leads elsewhere
			http.Redirect(w, r, "http://"+plantedUser+":"+plantedPass+"@127.0.0.1:1/"+plantedQuery, http.StatusPermanentRedirect)
		case status == 4: // a refusal of the model's own
			_, _ = fmt.Fprintf(w, `{"choices":[{"message":{"refusal":%q}}]}`, "not with "+quote)
		case status > 99:
			http.Error(w, fmt.Sprintf(`{"error":{"message":%q,"code":%q}}`, quote, quote), status)
		default:
			r.Body = io.NopCloser(bytes.NewReader(body))
			sim.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// natsWithPassword is a server of NATS that is asked for the password.
func natsWithPassword(t *testing.T) string {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, Username: "user", Password: plantedNATS,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return strings.Replace(s.ClientURL(), "://", "://user:"+plantedNATS+"@", 1)
}

// telltales are items whose texts and addresses are planted, which fail in all ways.
func telltales() []credenza.Item {
	item := func(name string) credenza.Item {
		return credenza.Item{
			ID: plantedText + " id", ProductName: plantedText + " " + name, Description: plantedText + " all over",
			Attributes: map[string]string{"wood": plantedText}, Tags: []string{plantedText},
		}
	}
	items := []credenza.Item{item("plain"), item("plain"), {ID: plantedText}}
	for _, status := range []int{1, 2, 3, 4, 400, 403, 404, 422, 500, 503} {
		items = append(items, item(fmt.Sprint("fail:", status)))
	}
	for _, address := range []string{
		"http://127.0.0.1:1/" + plantedAddress, "http://10.1.2.3/" + plantedAddress, "http://" + plantedAddress + ".invalid/1.jpg",
		"http://user:" + plantedPass + "@127.0.0.1:1/?sig=" + plantedAddress, "://" + plantedAddress, "ftp://" + plantedAddress, "data:" + plantedAddress,
	} {
		picture, page := item("picture"), item("page")
		picture.ImageURL, page.ProductURL = address, address
		items = append(items, picture, page)
	}
	broken := item("broken picture")
	broken.ImageData = []byte("GIF89a" + plantedText)
	return append(items, broken)
}

// TestSecrets_ComeOutNowhere plants secrets and products' texts, makes calls of all kinds, most of
// which fail, collects all that comes out, and searches it.
func TestSecrets_ComeOutNowhere(t *testing.T) {
	e := &evidence{t: t, texts: map[string]string{}}
	model, collector := indiscreet(t), testkit.ServeCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL+"/?key="+plantedOTLP)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer "+plantedOTLP)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100000")
	base := model.URL + "/v1?api-key=" + plantedQuery // a user in it is refused
	tokens := filepath.Join(t.TempDir(), "tokens.yaml")
	callers := fmt.Sprintf("- {name: shop, sha256: %x, scopes: [classify, operate]}\n", sha256.Sum256([]byte(plantedToken)))
	if err := os.WriteFile(tokens, []byte(callers), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &buffer{}
	a, err := app.Start(t.Context(), settings(t, "--openai-base-url="+base, "--openai-api-key="+plantedKey+","+plantedDeadKey, "--log-level=debug",
		"--profile={query: {tenant: "+plantedSetting+"}, headers: {X-Tenant: "+plantedHeader+"}}", "--token-file="+tokens, "--nats-url="+natsWithPassword(t),
		"--admin-addr=127.0.0.1:0", "--max-workers=8"), app.Options{LogTo: log, CheckModels: true})
	if err != nil {
		t.Fatal(err)
	}
	client := dialTo(t, a, credenza.WithToken(plantedToken))
	e.callAll(client)
	e.callWrongly(a)
	e.overHTTP(a)
	e.operate(a, client)
	if err := a.Close(t.Context()); err != nil {
		e.addError("the end", err)
	}
	e.add("log", log.String())
	e.add("traces", collector.Raw())
	if !strings.Contains(log.String(), "item failed") || len(collector.Spans()) < 100 {
		t.Errorf("too little came out: %d spans, and %d bytes of log", len(collector.Spans()), len(log.String()))
	}
	e.search(plantedKey, plantedDeadKey, plantedUser, plantedPass, plantedQuery, plantedSetting, plantedHeader, plantedToken, plantedWrong, plantedNATS, plantedOTLP)
	for _, own := range []string{"result", "job"} { // in which callers find what they sent
		delete(e.texts, own)
	}
	e.search(plantedText, plantedAddress)
}

// callAll classifies by each call, and as a job.
func (e *evidence) callAll(c *credenza.Client) {
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	options := credenza.Options{ItemTimeout: 3 * time.Second}
	result := func(r credenza.Result, err error) {
		if err != nil {
			e.addError("a stream", err)
			return
		}
		e.add("result", fmt.Sprintf("%+v", r.Classification))
		if r.Err != nil {
			e.add("result", r.Err.Error())
		}
		if r.ImageErr != nil {
			e.add("result", r.ImageErr.Error())
		}
	}
	for r, err := range c.ClassifyStream(ctx, telltales(), options).Results() {
		result(r, err)
	}
	options.InOrder, options.Cache = true, credenza.CacheBypass
	for r, err := range c.Feed(ctx, slices.Values(telltales()), options).Results() {
		result(r, err)
	}
	for _, item := range telltales()[:4] {
		result(c.Classify(ctx, item, options))
	}
	rows := slices.Values([][]string{{plantedText + " fail:400", plantedAddress}})
	for r, err := range c.ClassifyRows(ctx, []string{"name", "url"}, rows, options) {
		result(r, err)
	}
	stored := slices.DeleteFunc(telltales(), func(it credenza.Item) bool { // those that a job would wait for
		return strings.Contains(it.ProductName, "fail:") && !strings.Contains(it.ProductName, "fail:4")
	})
	job, err := c.SubmitJob(ctx, stored, credenza.JobSpec{Name: plantedText, RequestID: plantedText, Options: options})
	if err != nil {
		e.t.Fatal(err)
	}
	for b, err := range c.Follow(ctx, credenza.JobPlace{JobID: job.ID}).Batches() {
		if err != nil {
			e.t.Fatal(err)
		}
		for _, r := range b.Results {
			result(r, nil)
		}
	}
	_, err = c.Retry(ctx, job.ID, credenza.RetryOptions{RequestID: plantedText})
	e.addError("a retry under the id of another job", err)
	job, err = c.Job(ctx, job.ID)
	e.add("job", fmt.Sprintf("%+v %v", job, err))
}

// callWrongly makes calls that are refused.
func (e *evidence) callWrongly(a *app.App) {
	ctx := e.t.Context()
	known, unknown := dialTo(e.t, a, credenza.WithToken(plantedToken)), dialTo(e.t, a, credenza.WithToken(plantedWrong))
	_, err := unknown.Classify(ctx, telltales()[0], credenza.Options{})
	e.addError("a wrong token", err)
	_, err = unknown.Status(ctx)
	e.addError("a wrong token for operations", err)
	_, err = known.Classify(ctx, telltales()[0], credenza.Options{Model: "x"})
	e.addError("an unknown model", err)
	for _, id := range []string{"x", strings.Repeat("a", 26)} {
		_, err = known.Job(ctx, id)
		e.addError("an unknown job", err)
	}
	_, err = known.SubmitJob(ctx, nil, credenza.JobSpec{Name: plantedText})
	e.addError("a job without items", err)
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	for _, err := range known.ClassifyStream(short, telltales(), credenza.Options{}).Results() {
		if err != nil {
			e.addError("a short call", err)
		}
	}
}

// overHTTP makes the calls of the HTTP address, sound ones and others.
func (e *evidence) overHTTP(a *app.App) {
	for i, c := range []struct{ path, token, body string }{
		{"/classify-category", plantedToken, `{"toggle":1,"data":[{"title":"` + plantedText + ` fail:400","image_url":"http://127.0.0.1:1/` + plantedAddress + `"}]}`},
		{"/classify-category", plantedToken, `{"toggle":"` + plantedText + `","data":[` + plantedText},
		{"/classify-category", plantedToken, `{"toggle":7,"data":"` + plantedText + `"}`},
		{"/classify-category", plantedWrong, `{"toggle":1,"data":[{"title":"` + plantedText + `"}]}`},
		{"/credenza.v1.ClassificationService/Classify", plantedToken, `{"item":{"product_name":"` + plantedText + `"}}`},
		{"/credenza.v1.ClassificationService/Classify", plantedToken, `{"item":{"product_name":"` + plantedText + `","nonsense":1`},
		{"/credenza.v1.ClassificationService/Classify", plantedWrong, `{"item":{"product_name":"` + plantedText + `"}}`},
		{"/credenza.v1.JobService/GetJob", plantedToken, `{"job_id":"x"}`},
	} {
		req, _ := http.NewRequestWithContext(e.t.Context(), http.MethodPost, "http://"+a.HTTPAddr()+c.path+"?token="+plantedQuery, strings.NewReader(c.body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+c.token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			e.t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		where := "result"
		if res.StatusCode >= 400 {
			where = fmt.Sprint("HTTP's answer ", i)
		}
		e.add(where, string(body)+fmt.Sprint(res.Header))
	}
}

// operate collects what operators see: status, metrics, probes, dumps and channelz.
func (e *evidence) operate(a *app.App, c *credenza.Client) {
	status, err := c.Status(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	e.add("status", fmt.Sprintf("%+v", status))
	e.add("metrics", scrape(e.t, a))
	for _, path := range []string{"/readyz", "/healthz", "/health", "/"} {
		_, body := asked(e.t, a.HTTPAddr(), path, nil)
		e.add(path, body)
	}
	// While a call is in flight, for the dumps.
	ctx, end := context.WithCancel(e.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, err := range c.ClassifyStream(ctx, telltales(), credenza.Options{Cache: credenza.CacheBypass}).Results() {
			if err != nil {
				return
			}
		}
	}()
	time.Sleep(50 * time.Millisecond)
	for _, path := range []string{
		"/", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2", "/debug/pprof/goroutine",
		"/debug/pprof/heap?debug=1", "/debug/pprof/heap", "/debug/pprof/allocs?debug=1", "/debug/pprof/block?debug=1", "/debug/pprof/mutex?debug=1",
		"/debug/pprof/threadcreate?debug=1", "/debug/pprof/trace?seconds=0.1", "/debug/pprof/profile?seconds=1",
	} {
		_, body := asked(e.t, a.AdminAddr(), path, nil)
		e.add("admin "+path, body)
	}
	e.channelz(a.AdminAddr())
	end()
	<-ended
}

// channelz collects what it says of all servers, channels and sockets.
func (e *evidence) channelz(addr string) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		e.t.Fatal(err)
	}
	defer conn.Close()
	c, ctx := channelzv1.NewChannelzClient(conn), e.t.Context()
	servers, err := c.GetServers(ctx, &channelzv1.GetServersRequest{})
	channels, alsoErr := c.GetTopChannels(ctx, &channelzv1.GetTopChannelsRequest{})
	if err := errors.Join(err, alsoErr); err != nil {
		e.t.Fatal(err)
	}
	e.add("channelz", servers.String()+channels.String())
	for _, s := range servers.GetServer() {
		sockets, err := c.GetServerSockets(ctx, &channelzv1.GetServerSocketsRequest{ServerId: s.GetRef().GetServerId()})
		if err != nil {
			e.t.Fatal(err)
		}
		for _, ref := range sockets.GetSocketRef() {
			socket, err := c.GetSocket(ctx, &channelzv1.GetSocketRequest{SocketId: ref.GetSocketId()})
			if err == nil { // else it has closed
				e.add("channelz", socket.String())
			}
		}
	}
}
