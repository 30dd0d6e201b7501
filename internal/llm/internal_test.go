package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// TestOutcomes checks what the gate is told, which no caller sees.
func TestOutcomes(t *testing.T) {
	statuses := map[int]upstream.Outcome{
		302: upstream.Rejected, 499: upstream.TimedOut, 520: upstream.Overloaded, 524: upstream.Overloaded, 400: upstream.Rejected, 404: upstream.Rejected, 422: upstream.Rejected,
		401: upstream.Refused, 403: upstream.Refused, 402: upstream.Exhausted, 408: upstream.TimedOut,
		429: upstream.Throttled, 500: upstream.Broken, 502: upstream.Overloaded, 504: upstream.Overloaded,
		503: upstream.Overloaded, 529: upstream.Overloaded,
	}
	for status, want := range statuses {
		header := http.Header{"Retry-After": {"7"}}
		end := errorOutcome(response{status: status, header: header}, serverError{status: status, code: "why"}, hidden{})
		if end.result.Outcome != want || end.result.Header.Get("Retry-After") != "7" {
			t.Errorf("%d: %+v, want outcome %v", status, end.result, want)
		}
		if retired := want == upstream.Refused || want == upstream.Exhausted; retired != strings.HasSuffix(end.result.Detail, " (why)") {
			t.Errorf("%d: detail %q", status, end.result.Detail)
		}
	}
	failures := map[string]struct {
		err  error
		want upstream.Outcome
	}{
		"time":    {errAttemptTime, upstream.TimedOut},
		"refused": {&url.Error{Op: "Post", URL: "http://x", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, upstream.Overloaded},
		"no host": {&url.Error{Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host"}}}, upstream.Overloaded},
		"reset":   {&url.Error{Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, upstream.Broken},
		"long":    {errTooLong, upstream.Succeeded},
	}
	for name, tt := range failures {
		if end := callFailed(tt.err, response{}, hidden{}); end.result.Outcome != tt.want {
			t.Errorf("%s: outcome %v, want %v", name, end.result.Outcome, tt.want)
		}
	}
}

func FuzzAppendEscaped(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\\n\t\x00\x1f", "größe 日本 🛋", "\xff\xc3", "\u2028</script>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(append(appendEscaped([]byte{'"'}, s), '"'), &back); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var same string
		if err := json.Unmarshal(want, &same); err != nil || same != back {
			t.Errorf("%q came back as %q, encoding/json's as %q", s, back, same)
		}
	})
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{
		"", "{}", "[]", `{"choices":[{`, `{"error":"x"}`, `{"choices":[{"message":{"content":"x"},"logprobs":{"content":[{"token":"a","logprob":-1}]}}]}`,
		`{"choices":[{"logprobs":{"content":[{"token":"\\","logprob":-1,"top_logprobs":[{"token":"\"","logprob":-2}]}]}}]}`, `{"choices":[1,[}],"usage":{"prompt_tokens":"x`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := readReply(s)
		i := 0
		for range r.tokens.All() {
			for range r.tokens.Top(i) {
			}
			i++
		}
		if r.usage.Prompt < 0 || r.usage.Completion < 0 {
			t.Errorf("usage %+v", r.usage)
		}
		if text := public(readError(400, nil, s).message, hidden{key: "secret-key"}); !utf8.ValidString(text) || len(text) > maxPublicBytes+3 || strings.ContainsAny(text, "\n\r") {
			t.Errorf("public text %q", text)
		}
	})
}

// TestReadReply_InAnyOrder has the members of a completion in other orders, with spaces
// and with texts that look like the structure around them.
func TestReadReply_InAnyOrder(t *testing.T) {
	const tricky = `{"other\\":"a \"]} b\\","list":[[],{},[{"x":"]"}]],"null":null}`
	list := `{"refusal":null,"content": [ {"token":"a\"","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a\"","logprob":-0.5},{"logprob":-1,"token":"]}"}]} ,` +
		`{"token":",\"finish_reason\":\"no\"","logprob":null}]}`
	for name, body := range map[string]string{
		"usual":  `{"id":"x","choices":[{"index":0,"message":{"content":"text"},"logprobs":` + list + `,"finish_reason":"stop"},` + tricky + `],"usage":{"prompt_tokens":7}}`,
		"spaced": `{"choices":[{"index":0,"message":{"content":"text"},"logprobs":` + list + ` , "finish_reason" : "stop","more":` + tricky + `}],"usage":{"prompt_tokens":7}}`,
		"mixed":  `{"choices":[{"logprobs":` + list + `,"message":{"content":"text"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}`,
		"turned": `{"usage" : {"prompt_tokens":7} , "more":` + tricky + `,"choices":[ { "finish_reason":"stop","logprobs":` + list + `,"x":` + tricky + `,"message":{"content":"text"}} ] }`,
	} {
		r := readReply(body)
		var got []string
		for token, logprob := range r.tokens.All() {
			got = append(got, fmt.Sprint(token, logprob))
		}
		for token, logprob := range r.tokens.Top(0) {
			got = append(got, fmt.Sprint(token, logprob))
		}
		if diff := cmp.Diff([]string{`a"-0.5`, `a"-0.5`, `]}-1`}, got); diff != "" {
			t.Errorf("%s: tokens %s", name, diff)
		}
		if !r.found || r.finish != "stop" || len(r.texts) != 1 || r.texts[0] != "text" || r.usage.Prompt != 7 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestPublic(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"lines":   {"a\n b\x00\u202ec", "a b c"},
		"colours": {"\x1b[31mno\x1b[0m \x1b]0;title\x07seat", "no seat"},
		"divided": {"wrong key abcd\x1b[0m-efgh", "wrong key [key]"},
		"secret":  {"wrong key abcd-efgh.", "wrong key [key]."},
		"bearer":  {"got Bearer xyz, no", "got [key], no"},
		"masked":  {"provided: sk-proj-abc****wxyz. See", "provided: [key]. See"},
		"version": {"Missing query parameter: api-version", "Missing query parameter: api-version"},
		"words":   {"the key-value store", "the key-value store"},
		"invalid": {"a\xff", "a\uFFFD"},
		"long":    {strings.Repeat("é", 150), strings.Repeat("é", 100) + "..."},
	}
	for name, tt := range tests {
		if got := public(tt.in, hidden{key: "abcd-efgh"}); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestReadError(t *testing.T) {
	tests := map[string]struct {
		body string
		want serverError
	}{
		"OpenAI":         {`{"error":{"message":"m","type":"t","code":"c","param":"p"}}`, serverError{message: "m", kind: "t", code: "c", param: "p"}},
		"null":           {`{"error":{"message":"m","code":null,"param":null}}`, serverError{message: "m"}},
		"a text":         {`{"error":"m"}`, serverError{message: "m"}},
		"in a list":      {`[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]`, serverError{message: "m", code: "400", kind: "INVALID_ARGUMENT"}},
		"vLLM":           {`{"object":"error","message":"m","type":"t","param":null,"code":400}`, serverError{message: "m", kind: "t", code: "400"}},
		"detail":         {`{"detail":"m"}`, serverError{message: "m"}},
		"violations":     {`{"detail":[{"loc":["body","x"],"msg":"bad","input":{"secret":1}},{"loc":["y"],"msg":"worse"}]}`, serverError{message: "body.x. bad; y. worse"}},
		"in the message": {`{"object":"error","message":{"detail":[{"loc":["body","x"],"msg":"bad"}]},"type":"t"}`, serverError{message: "body.x. bad", kind: "t"}},
		"MiniMax":        {`{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`, serverError{message: "insufficient balance", code: "1008"}},
		"a wait":         {`{"error":{"message":"m","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"40s"}]}}`, serverError{message: "m", wait: 40 * time.Second}},
		"a quota":        {`{"error":{"message":"m","details":[{"@type":"x/google.rpc.QuotaFailure","violations":[{"quotaId":"PerDay"}]}]}}`, serverError{message: "m", quotas: []string{"PerDay"}}},
		"a reason":       {`{"error":{"message":"m","details":[{"@type":"x/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`, serverError{message: "m", reasons: []string{"API_KEY_INVALID"}}},
		"text":           {"no such page", serverError{message: "no such page"}},
		"page":           {"<html>no</html>", serverError{page: true}},
		"nothing":        {"", serverError{}},
	}
	for name, tt := range tests {
		tt.want.status = 400
		if diff := cmp.Diff(tt.want, readError(400, nil, tt.body), cmp.AllowUnexported(serverError{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestScrubKeepsTheCause(t *testing.T) {
	err := scrub(&url.Error{Op: "Post", URL: "http://u:pw@x/?key=abcd", Err: errors.New("boom abcd-efgh")}, hidden{key: "abcd-efgh"})
	if got := err.Error(); got != "boom [key]" {
		t.Errorf("scrubbed to %q", got)
	}
}

// TestSite_LeavesNothingOutByChance has a server of which three answers are of no use by chance,
// at each place of the third: what is stored is what all others were answered with.
func TestSite_LeavesNothingOutByChance(t *testing.T) {
	for third := 3; third <= maxNegotiation-2; third++ {
		var saved []terms
		s := newSite(siteID{}, []string{"a"}, terms{}, nil, func(t terms) { saved = append(saved, t) })
		for call := 1; !s.open(); call++ {
			sent := s.terms()
			if call > 2 && call != third {
				s.answered(sent, catalog.KindText, true, true)
			} else if !s.unusable(sent, catalog.KindText) {
				s.answered(sent, catalog.KindText, false, true)
			}
		}
		if len(saved) != 1 || saved[0].Format != strictSchema || saved[0].Temperature != withTemperature {
			t.Errorf("call %d: stored %+v", third, saved)
		}
	}
}

// TestFailure_IsBounded has an answer with an error that is as long as an answer may be.
func TestFailure_IsBounded(t *testing.T) {
	long := strings.Repeat("model ", 1<<20)
	r := readReply(`{"error":{"message":"` + long + `","code":"` + long + `","details":[{"@type":"ErrorInfo","reason":"` + long + `"}]}}`)
	if e := r.failure(); e == nil || len(e.message)+len(e.code)+len(e.reasons) > 3*maxErrorBytes {
		t.Errorf("%d bytes are kept", len(e.message)+len(e.code)+len(e.reasons))
	}
}

// TestSite_KeepsNothingOfAServerThatIsOfNoUse checks that what was tried in vain is not stored
// as what the server accepts, and that others may ask it at once.
func TestSite_KeepsNothingOfAServerThatIsOfNoUse(t *testing.T) {
	saved, calls := 0, 0
	s := newSite(siteID{}, []string{"a"}, terms{}, nil, func(terms) { saved++ })
	for ; !s.open(); calls++ {
		if sent := s.terms(); !s.unusable(sent, catalog.KindText) {
			s.answered(sent, catalog.KindText, false, true)
		}
	}
	if calls > maxNegotiation || saved > 0 || s.terms() != (terms{}) {
		t.Errorf("%d calls, stored %d times, asked with %+v; want at most %d, not stored, and everything", calls, saved, s.terms(), maxNegotiation)
	}
}
