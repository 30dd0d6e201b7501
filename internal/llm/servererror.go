package llm

import (
	"cmp"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// serverError is a server's own account of what went wrong, in whatever form it came.
type serverError struct {
	status int
	// message is the server's text, for people; code, kind and param are its other
	// members. Each may be empty.
	message, code, kind, param string
	// reasons are machine-readable reasons from google.rpc details, such as
	// API_KEY_INVALID, and quotas the quota names that were exceeded.
	reasons, quotas []string
	// wait is how long the body asks to wait. 0: it does not say.
	wait time.Duration
	// later is set if the headers say when to ask again.
	later bool
	// page is set if the body is an HTML page, so that it is not the model's server
	// that speaks but something in front of it.
	page bool
	// inChoice is set if it stands in an answer, in place of the rest: the server is there,
	// whatever the status says.
	inChoice bool
}

// maxErrorBytes is how much of an error's body is looked at.
const maxErrorBytes = 16 << 10

// readError understands the forms in use: OpenAI's {"error":{...}}, the same in a list
// (Gemini), an error, message or detail that is a text, FastAPI's list of
// {"loc":[...],"msg":...}, also below "message" (Mistral), {"base_resp":{...}} (MiniMax),
// and plain text. The inputs that FastAPI echoes are left out: they would name every
// parameter that was sent.
func readError(status int, header http.Header, body string) serverError {
	if len(body) > maxErrorBytes {
		body = body[:maxErrorBytes]
	}
	root := gjson.Parse(strings.TrimPrefix(strings.TrimSpace(body), "\ufeff"))
	root = firstOf(root)
	var e serverError
	switch {
	case root.IsObject():
		e = errorIn(root)
		e.wait = cmp.Or(e.wait, bodyWait(root))
	case isXML(body):
		e.message, e.code = element(body, messageElement), element(body, codeElement)
	case isPage(header, body):
		e.page, e.message = true, pageTitle(body)
	default:
		e.message = strings.TrimSpace(body)
	}
	e.status = status
	now := time.Now()
	if after, ok := upstream.RetryAfter(header, now); ok && after > 0 {
		e.later = true
	}
	if at, err := http.ParseTime(header.Get("Date")); err == nil { // by the server's own clock
		now = at
	}
	e.wait = cmp.Or(e.wait, untilIn(e.message, now))
	if to := header.Get("Location"); to != "" && status >= 300 && status < 400 {
		e.message = "it redirects to " + publicURL(to)
	}
	return e
}

// detail returns the error in a line: status, words and code.
func (e *serverError) detail() string {
	words := strconv.Itoa(e.status)
	if e.message != "" {
		words += " " + e.message
	}
	if e.code != "" && e.code != strconv.Itoa(e.status) {
		words += " (" + e.code + ")"
	}
	for _, quota := range e.quotas {
		words += ", quota " + quota
	}
	return words
}

// errorPaths are where gateways of their own kinds keep an error: Apigee and WSO2, clouds of
// Tencent and ByteDance, and those that wrap their provider's answer.
var errorPaths = []string{"error", "Error", "fault", "errors", "Response.Error", "ResponseMetadata.Error", "data.error", "response.error"}

// errorIn reads the error of a JSON object: that object, or one in it.
func errorIn(root gjson.Result) serverError {
	for _, path := range errorPaths {
		switch e := root.Get(path); {
		case e.IsObject(), e.IsArray() && e.Get("0").Exists():
			return errorFields(firstOf(e)).unwrapped()
		case e.Type == gjson.String:
			words := strings.TrimSpace(e.Str + " " + messageText(root.Get("message"))) // the first may be the status alone
			return serverError{message: words, code: root.Get("code").String()}.unwrapped()
		}
	}
	if base := root.Get("base_resp"); base.IsObject() {
		return serverError{message: base.Get("status_msg").String(), code: base.Get("status_code").String()}
	}
	if block := root.Get("promptFeedback.blockReason"); block.Exists() { // Gemini
		return serverError{message: "the question was blocked: " + block.String(), code: "content_filter"}
	}
	if detail := root.Get("detail"); detail.Exists() {
		return serverError{message: messageText(detail)}.unwrapped()
	}
	return errorFields(root).unwrapped()
}

// The names of an error's members that are not OpenAI's own.
var (
	messageNames = []string{
		"msg", "error_message", "error_msg", "errorMessage", "reason", "title",
		"Message", "faultstring", "description", "errmsg", "err_msg", "moreInformation",
	}
	codeNames = []string{"code", "Code", "error_code", "errcode", "detail.errorcode"}
)

func errorFields(e gjson.Result) serverError {
	if e.Type == gjson.String {
		return serverError{message: e.Str}
	}
	f := serverError{
		message: messageText(e.Get("message")),
		kind:    cmp.Or(e.Get("type").String(), e.Get("status").String()),
		param:   e.Get("param").String(),
	}
	for _, name := range codeNames {
		f.code = cmp.Or(f.code, e.Get(name).String())
	}
	for _, name := range messageNames {
		if f.message == "" {
			f.message = messageText(e.Get(name))
		}
	}
	if raw := e.Get("metadata.raw"); raw.Exists() { // OpenRouter: the provider's own words
		inner := serverError{message: messageText(raw)}.unwrapped()
		f.message += " " + inner.message
		f.take(&inner)
	}
	f.readDetails(e.Get("details"))
	return f
}

// unwrapped returns the error that a gateway passes on as a text of JSON in its own message,
// alone or at its end.
func (e serverError) unwrapped() serverError {
	at := strings.IndexByte(e.message, '{')
	if at < 0 {
		return e
	}
	text := strings.TrimSpace(e.message[at:])
	if at > 0 && e.message[at-1] == '[' {
		text = "[" + text
	}
	if !gjson.Valid(text) {
		return e
	}
	root := firstOf(gjson.Parse(text))
	inner := errorIn(root) // the text gets shorter each time
	if inner.message == "" {
		return e
	}
	before := strings.TrimRight(e.message[:at], " \t\r\n[") // which may name an exception
	e.message = strings.TrimSpace(before + " " + inner.message)
	e.take(&inner)
	e.wait = cmp.Or(e.wait, bodyWait(root))
	return e
}

// firstOf returns a list's first element, or what is no list itself.
func firstOf(v gjson.Result) gjson.Result {
	if v.IsArray() {
		return first(v)
	}
	return v
}

// clip bounds what is looked at of an error that did not come by way of readError.
func (e *serverError) clip() {
	for _, s := range []*string{&e.message, &e.code, &e.kind, &e.param} {
		*s = catalog.Clip(*s, maxErrorBytes)
	}
}

// take adds what an inner error says besides its message. Its code says more than one that
// repeats a status.
func (e *serverError) take(inner *serverError) {
	if _, err := strconv.Atoi(e.code); err == nil || e.code == "" {
		e.code = cmp.Or(inner.code, e.code)
	}
	e.kind, e.param = cmp.Or(inner.kind, e.kind), cmp.Or(e.param, inner.param)
	e.reasons, e.quotas = append(e.reasons, inner.reasons...), append(e.quotas, inner.quotas...)
	e.wait = cmp.Or(e.wait, inner.wait)
}

// bodyWait returns the wait that members of an error name as a number, 0 for none: on the
// outermost level or where the error stands.
func bodyWait(root gjson.Result) (wait time.Duration) {
	for _, at := range []string{"", "error.", "detail.", "error.metadata."} {
		for name, unit := range waitMembers {
			if n := root.Get(at + name).Float(); n > 0 && n < float64(longestWait/unit) {
				wait = max(wait, time.Duration(n*float64(unit)))
			}
		}
	}
	return wait
}

var waitMembers = map[string]time.Duration{
	"retry_after": time.Second, "retryAfter": time.Second, "retry_after_seconds": time.Second, "retry_after_ms": time.Millisecond,
}

// messageText returns a message as text: a string, FastAPI's list of violations, or an
// object that has one of them in turn.
func messageText(v gjson.Result) string {
	switch {
	case v.IsArray():
		return violations(v)
	case v.IsObject():
		for _, name := range []string{"detail", "message", "error", "value"} {
			if inner := v.Get(name); inner.Exists() {
				return messageText(inner)
			}
		}
	}
	return v.String()
}

// violations reads a list of texts, or of objects that name a place and what is wrong there.
func violations(list gjson.Result) string {
	var b strings.Builder
	list.ForEach(func(_, v gjson.Result) bool {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if v.Type == gjson.String {
			b.WriteString(v.Str)
		}
		for _, place := range []string{"loc", "path"} {
			v.Get(place).ForEach(func(_, step gjson.Result) bool {
				b.WriteString(step.String())
				b.WriteByte('.')
				return true
			})
		}
		b.WriteString(" " + cmp.Or(v.Get("msg").String(), v.Get("message").String()))
		return b.Len() < 1000
	})
	return strings.TrimSpace(b.String())
}

// readDetails reads the google.rpc details that are of use here.
func (e *serverError) readDetails(details gjson.Result) {
	if !details.IsArray() || len(details.Raw) > maxErrorBytes {
		return
	}
	details.ForEach(func(_, d gjson.Result) bool {
		kind := d.Get(`\@type`).String()
		switch {
		case strings.HasSuffix(kind, "RetryInfo"):
			if wait, err := time.ParseDuration(d.Get("retryDelay").String()); err == nil && wait > 0 {
				e.wait = wait
			}
		case strings.HasSuffix(kind, "QuotaFailure"):
			d.Get("violations").ForEach(func(_, v gjson.Result) bool {
				e.quotas = append(e.quotas, v.Get("quotaId").String())
				return true
			})
		case strings.HasSuffix(kind, "ErrorInfo"):
			e.reasons = append(e.reasons, d.Get("reason").String())
		}
		return true
	})
}

// The elements of pages and of XML that say the most: an HTML page's title, and the code and
// message of an error of AWS.
var (
	titleElement   = regexp.MustCompile(`(?is)<title[^>]*>(.{1,200}?)</title>`)
	messageElement = regexp.MustCompile(`(?is)<message[^>]*>(.{1,1000}?)</message>`)
	codeElement    = regexp.MustCompile(`(?is)<code[^>]*>(.{1,100}?)</code>`)
)

// pageTitle returns the title of an HTML page.
func pageTitle(body string) string { return element(body, titleElement) }

func element(body string, of *regexp.Regexp) string {
	if m := of.FindStringSubmatch(body); m != nil {
		return strings.Join(strings.Fields(html.UnescapeString(m[1])), " ")
	}
	return ""
}

// isXML reports whether a body is an error as XML, which an API writes and no firewall.
func isXML(body string) bool {
	body = strings.TrimSpace(body)
	return (strings.HasPrefix(body, "<?xml") || strings.HasPrefix(body, "<Error")) && messageElement.MatchString(body) && !titleElement.MatchString(body)
}

func isPage(header http.Header, body string) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/html") || strings.HasPrefix(strings.TrimSpace(body), "<")
}

// waitWords find where words name a wait: "try again in 1h5m12s", "retry after 7 seconds",
// "Please retry in 40.2s", "wait 2 hours", "replenished in 00:00:06".
var waitWords = regexp.MustCompile(`(?i)(?:try again|retry(?:ing)?|wait|replenished|resets?)(?: in| after| for)? (\d.{0,40})`)

// waitPart is a number with its unit, and what joins it to the next.
var waitPart = regexp.MustCompile(`^(\d{1,9}(?:\.\d{1,9})?) ?([a-z]+),? ?(?:and )?`)

// waitClock is a wait as on a clock.
var waitClock = regexp.MustCompile(`^(\d{1,4}):(\d\d):(\d\d)\b`)

// waitUnits are the names of units of time, which may end in "s" too.
var waitUnits = map[string]time.Duration{
	"ms": time.Millisecond, "millisecond": time.Millisecond, "s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute, "h": time.Hour, "hr": time.Hour, "hour": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour,
}

// waitIn returns the wait that a text names, 0 for none.
func waitIn(text string) (wait time.Duration) {
	m := waitWords.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	if c := waitClock.FindStringSubmatch(m[1]); c != nil {
		m[1] = c[1] + "h" + c[2] + "m" + c[3] + "s"
	}
	for rest := strings.ToLower(m[1]); ; {
		part := waitPart.FindStringSubmatch(rest)
		if part == nil {
			return wait
		}
		unit := cmp.Or(waitUnits[part[2]], waitUnits[strings.TrimSuffix(part[2], "s")])
		n, err := strconv.ParseFloat(part[1], 64)
		if err != nil || unit == 0 || n > float64(longestWait/unit) {
			return wait
		}
		wait += time.Duration(n * float64(unit))
		rest = rest[len(part[0]):]
	}
}

// resetTime finds where words name the moment from which calls are served again: "It will reset at
// 2026-08-29 23:59:59 +0800 CST". One without its zone may be anywhere in a day.
var resetTime = regexp.MustCompile(`(?i)\breset[^0-9.;]{0,20}(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,9})? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)`)

// untilIn returns how long it is until the moment that a text names, 0 if there is none to come.
func untilIn(text string, now time.Time) time.Duration {
	m := resetTime.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	zone := strings.ReplaceAll(m[3], ":", "")
	if zone[0] != '+' && zone[0] != '-' {
		zone = "+0000"
	}
	at, err := time.Parse("2006-01-02 15:04:05 -0700", m[1]+" "+m[2]+" "+zone)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestWait)
}

// longestWait bounds what words may ask for; more is no wait that anybody means.
const longestWait = 366 * 24 * time.Hour
