package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/internal/testkit"
)

const doctorKey = "sk-doctor-0123456789wxyz"

// doctor asks a server with the doctor's key, unless the flags say otherwise.
func doctor(t *testing.T, url string, flags ...string) outcome {
	t.Helper()
	got := credenzaWith(t, "", append([]string{"doctor", "--openai-base-url", url, "--openai-api-key", doctorKey}, flags...)...)
	if strings.Contains(got.out+got.err, doctorKey) || strings.Contains(got.out+got.err, "hush-hush") {
		t.Errorf("a secret is printed: %s%s", got.out, got.err)
	}
	return got
}

func (o outcome) expectAll(t *testing.T, code int, parts ...string) {
	t.Helper()
	o.expect(t, code, "")
	for _, part := range parts {
		if !strings.Contains(strings.Join(strings.Fields(o.out), " "), part) {
			t.Errorf("%q is not in\n%s", part, o.out)
		}
	}
}

// only returns a server that has one behaviour, and a model that knows the answer's form
// from the instructions.
func only(behaviour string) llmsim.Config {
	return llmsim.Config{Behaviours: []string{behaviour}, Schema: answerSchema()}
}

var answerSchema = sync.OnceValue(func() string {
	tax, err := taxonomy.Load("")
	if err != nil {
		panic(err)
	}
	p, err := prompt.New(tax)
	if err != nil {
		panic(err)
	}
	return p.Schema()
})

func TestDoctor_SaysWhatWorksAndWhatToSet(t *testing.T) {
	perMinute := func(n int64) llmsim.Limit { return llmsim.Limit{Amount: n} }
	for name, tc := range map[string]struct {
		sim  llmsim.Config
		path string // in place of /v1
		code int
		want []string
	}{
		"healthy": {llmsim.Config{Quota: llmsim.Quota{Requests: perMinute(500), Tokens: perMinute(200_000)}}, "/v1", exitOK, []string{
			"key ...wxyz, group 1", "(log-probabilities)", "1 listed, this one among them", "limit of requests 500, of which", "limit of tokens 200000, of which",
			"an item costs", "with a picture", "auth bearer default", "format strict_schema default", "nothing: it works as it is",
		}},
		"without a list": {llmsim.Config{ModelList: "none"}, "/v1", exitOK, []string{"the server names none", "nothing: it works as it is"}},
		"wrong key": {llmsim.Config{Keys: []llmsim.Key{{Secret: "sk-another-0123456789"}}}, "/v1", exitFailed, []string{
			"failed: UPSTREAM_AUTH", "401 Incorrect API key", "The server refuses the key ...wxyz: give a valid one in OPENAI_API_KEY.",
		}},
		"wrong key, said with 400": {only("gemini-badkey"), "/v1", exitFailed, []string{"API key not valid", "refuses the key ...wxyz"}},
		"forbidden":                {only("region-403"), "/v1", exitFailed, []string{"territory not supported", "calls from this network may not be allowed"}},
		"wrong model": {llmsim.Config{Models: []string{"whisper-1", "gpt-5", "gpt-6-lunar"}}, "/v1", exitFailed, []string{
			"failed: UPSTREAM_REJECTED", "3 listed, this one not among them", "set OPENAI_MODEL to a model that it has: gpt-6-lunar, gpt-5, whisper-1.",
		}},
		"a model that is answered for, but not listed": {llmsim.Config{ModelList: `{"data":[{"id":"gpt-5"}]}`}, "/v1", exitOK, []string{"does not list it", "the one you mean: gpt-5."}},
		"a model that ends":                            {llmsim.Config{ModelList: `{"data":[{"id":"gpt-6-luna","shutdown_date":"2027-01-14"}]}`}, "/v1", exitOK, []string{"gpt-6-luna is shut down on 2027-01-14"}},
		"no money":                                     {only("quota-429"), "/v1", exitFailed, []string{"failed: QUOTA_EXHAUSTED", "The account of the key ...wxyz is out of money or quota"}},
		"no quota today":                               {only("groq-tpd"), "/v1", exitFailed, []string{"failed: RATE_LIMITED", "try again in 1h5m12s", "is used up for now"}},
		"an address without /v1": {only("base-no-v1"), "", exitOK, []string{
			"/v1/chat/completions learned", "set OPENAI_BASE_URL to that, which saves calls",
		}},
		"a page":                      {only("html"), "/v1", exitFailed, []string{"failed: UPSTREAM_REJECTED", "is not a model's server: correct OPENAI_BASE_URL."}},
		"a plain schema":              {only("gemini-schema"), "/v1", exitOK, []string{"format plain_schema learned", "CREDENZA_PROFILE='{format: plain_schema}'"}},
		"no log-probabilities":        {only("gemini-logprobs"), "/v1", exitOK, []string{"(the model's own word)", "logprobs none learned", "CREDENZA_PROFILE='{logprobs: none}'"}},
		"one temperature":             {only("kimi-temperature"), "/v1", exitOK, []string{"temperature false learned", "temperature: false"}},
		"no pictures":                 {only("llamacpp-picture"), "/v1", exitOK, []string{"picture failed: IMAGE_UNSUPPORTED", "pictures false learned", "answered from their text"}},
		"a model that reasons":        {only("gpt5-room"), "/v1", exitOK, []string{"output_tokens 8000 learned", "2600 4090", "An answer costs 4090 tokens, since the model reasons"}},
		"a small context":             {only("context-400"), "/v1", exitOK, []string{"output_tokens 400 learned"}},
		"answers that cannot be used": {only("babble"), "/v1", exitFailed, []string{"failed: MALFORMED_ANSWER", "name another one in OPENAI_MODEL"}},
		"calls that fail":             {only("cloudflare-524"), "/v1", exitOK, []string{"The last question took 2 calls"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := testkit.ServeSimTCP(t, tc.sim)
			doctor(t, strings.TrimSuffix(url, "/v1")+tc.path).expectAll(t, tc.code, tc.want...)
		})
	}
}

// A limit that is worked out of times is seldom a whole number.
func TestDoctor_RoundsTheItemsOfAMinute(t *testing.T) {
	for perMinute, want := range map[float64]string{59.99: "60 items a minute", 1.2: "1 item a minute"} {
		facts := factsOf(&app.Diagnosis{Checks: []app.Check{{Name: "text", Answered: true}}, Requests: &app.Limit{PerMinute: perMinute}})
		if got := facts[len(facts)-1][1]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestDoctor_WrongAddress has an API under /v1 and pages elsewhere.
func TestDoctor_WrongAddress(t *testing.T) {
	sim := testkit.NewSim(t, llmsim.Config{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			sim.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	doctor(t, server.URL+"/api/chat").expectAll(t, exitFailed, "failed: UPSTREAM_REJECTED",
		server.URL+"/api/chat/chat/completions, then "+server.URL+"/api/chat/v1/chat/completions, then "+server.URL+"/api/chat/completions answered 404",
		"is not an API, but "+server.URL+"/v1 is: set OPENAI_BASE_URL to that.")
}

func TestDoctor_Unreachable(t *testing.T) {
	plain, secure := httptest.NewServer(http.NotFoundHandler()), httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	for url, want := range map[string][2]string{
		"http://" + testkit.ReservePort(t).Address + "/v1": {"(connection refused): check the base URL", "start the server if it is yours, or correct OPENAI_BASE_URL."},
		"http://no-such-host.invalid/v1":                   {"cannot be reached (", "or correct OPENAI_BASE_URL."},
		strings.Replace(plain.URL, "http:", "https:", 1):   {"(it speaks http and not https)", "write http:// in place of https:// in OPENAI_BASE_URL."},
		strings.Replace(secure.URL, "https:", "http:", 1):  {"failed: UPSTREAM", "write https:// in place of http:// in OPENAI_BASE_URL."},
		secure.URL: {"(TLS certificate not valid)", "SSL_CERT_FILE"},
	} {
		doctor(t, url, "--timeout=5s").expectAll(t, exitFailed, want[0], want[1])
	}
}

func TestDoctor_NoServerIsConfigured(t *testing.T) {
	credenzaWith(t, "", "doctor").expect(t, exitFailed, "credenza: no model is configured, so the offline classifier answers: set OPENAI_API_KEY")
	credenzaWith(t, "", "doctor", "--backend=offline").expectAll(t, exitOK, "The offline classifier answers")
	credenzaWith(t, "", "doctor", "--timeout=0s").expect(t, exitUsage, "--timeout is 0s")
}

func TestDoctor_AServerThatWantsAKey(t *testing.T) {
	_, url := testkit.ServeSimTCP(t, only("revoked"))
	credenzaWith(t, "", "doctor", "--openai-base-url", url).expectAll(t, exitFailed, "key (none)", "The server requires a key: set OPENAI_API_KEY.")
}

// TestDoctor_KeysAndModels has a key that is refused among two, and two models.
func TestDoctor_KeysAndModels(t *testing.T) {
	sim, url := testkit.ServeSimTCP(t, llmsim.Config{Models: []string{"gpt-6-luna", "small"}, Behaviours: []string{"gemini-logprobs"}, Keys: []llmsim.Key{{Secret: doctorKey}}})
	got := doctor(t, url, "--openai-api-key", doctorKey+",sk-0123456789abcd", "--models=small")
	got.expectAll(t, exitOK, "key ...wxyz, group 1", "key ...abcd, group 2", "small at http", "refuses the key ...abcd")
	if n := strings.Count(got.out, "ASKED WITH"); n != 1 {
		t.Errorf("the way of asking is shown %d times:\n%s", n, got.out)
	}
	if n := sim.Calls(); n > 12 {
		t.Errorf("%d calls", n)
	}
}

func TestDoctor_KeyGroups(t *testing.T) {
	_, refusing := testkit.ServeSimTCP(t, only("gemini-schema"))
	_, strict := testkit.ServeSimTCP(t, llmsim.Config{Models: []string{"house"}})
	groups := "[{name: a, keys: [" + doctorKey + "], base_url: '" + refusing + "', profile: {headers: {X-Secret: hush-hush}}}," +
		"{name: b, keys: [" + doctorKey + "], base_url: '" + strict + "', models: {gpt-6-luna: mouse}, requests_per_minute: 600}]"
	got := credenzaWith(t, "", "doctor", "--key-groups", groups)
	got.expectAll(t, exitOK, "headers X-Secret set", `profile: {format: plain_schema} of the key group "a"`,
		"mouse at", `set models of the key group "b" to a model that it has: house.`, "limit of requests 600, of which 600 are left; about 600 a minute")
	if strings.Contains(got.out, doctorKey) || strings.Contains(got.out, "hush-hush") {
		t.Errorf("a secret is printed: %s", got.out)
	}
}

func TestDoctor_JSON(t *testing.T) {
	_, url := testkit.ServeSimTCP(t, only("gemini-logprobs"))
	got := doctor(t, url, "--json")
	var report struct {
		Servers []struct {
			Key     string
			Settled bool
			Checks  []struct {
				Name     string
				Answered bool
				Calls    int
				Prompt   int64 `json:"prompt_tokens"`
			}
			Profile []struct{ Name, Value, From string }
			Advice  []string
		}
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || got.code != exitOK || len(report.Servers) != 1 {
		t.Fatalf("%v, %+v", err, got)
	}
	s := report.Servers[0]
	if s.Key != "...wxyz" || !s.Settled || len(s.Checks) != 3 || s.Checks[2].Calls != 1 || s.Checks[2].Prompt == 0 || len(s.Profile) < 10 || len(s.Advice) != 1 {
		t.Errorf("%+v", s)
	}
	for _, c := range s.Checks {
		if !c.Answered {
			t.Errorf("%+v", c)
		}
	}
	if got := credenzaWith(t, "", "doctor", "--json", "--openai-base-url=http://"+testkit.ReservePort(t).Address); got.code != exitFailed || !json.Valid([]byte(got.out)) {
		t.Errorf("%+v", got)
	}
}

func TestDoctor_PicturesThatAreOffAreNotAsked(t *testing.T) {
	_, url := testkit.ServeSimTCP(t, only("gemini-logprobs"))
	got := doctor(t, url, "--profile={pictures: false}")
	got.expectAll(t, exitOK, "pictures false set", "again ", "saves them: logprobs: none, in CREDENZA_PROFILE too.")
	if strings.Contains(got.out, "\npicture ") {
		t.Errorf("a picture was asked: %s", got.out)
	}
}

func TestDoctor_NeedsNoAddressAndNoData(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, url := testkit.ServeSimTCP(t, llmsim.Config{})
	doctor(t, url, "--grpc-addr", taken.Addr().String(), "--data-dir=/dev/null/none").expectAll(t, exitOK, "nothing: it works as it is")
}

func TestDoctor_Interrupted(t *testing.T) {
	_, url := testkit.ServeSimTCP(t, llmsim.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code := run(ctx, []string{"doctor", "--openai-base-url", url}, streams{out: &out, err: &out}); code != exitInterrupted || out.Len() > 0 {
		t.Errorf("exit code %d, %s", code, &out)
	}
}
