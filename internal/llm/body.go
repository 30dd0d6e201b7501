package llm

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/prompt"
)

// parts are the pieces of a request that never change, as JSON. The request is
// put together by appending: the fixed system message first, so that providers
// find the beginning of every prompt in their cache.
type parts struct {
	text         string // the system message's text, as the inside of a JSON string
	system       string // the system message
	markedSystem string // the same with a breakpoint for the prompt cache
	strictSchema string // the response_format member, by format
	plainSchema  string
	cacheKey     string // the prompt_cache_key member
	textBytes    int    // of system text and schema, for estimates
}

const jsonObjectFormat = `,"response_format":{"type":"json_object"}`

func newParts(p *prompt.Prompt) parts {
	text := string(appendEscaped(nil, p.System()))
	format := func(strict, schema string) string {
		return `,"response_format":{"type":"json_schema","json_schema":{"name":"` + prompt.SchemaName + `"` + strict + `,"schema":` + schema + `}}`
	}
	return parts{
		text:   text,
		system: `{"role":"system","content":"` + text + `"}`,
		markedSystem: `{"role":"system","content":[{"type":"text","text":"` + text +
			`","prompt_cache_breakpoint":{"mode":"explicit"}}]}`,
		strictSchema: format(`,"strict":true`, p.Schema()),
		plainSchema:  format("", p.PlainSchema()),
		cacheKey:     `,"prompt_cache_key":"credenza-` + p.TaxonomyVersion() + "-" + p.Version() + `"`,
		textBytes:    len(p.System()) + len(p.Schema()),
	}
}

// form is everything that a request's bytes depend on in addition to the item.
type form struct {
	model       string
	terms       terms
	room        int // tokens for the answer
	temperature float64
	dialect     *dialect
}

// request returns a request in a buffer of its own, about as large as it has to
// be. It is not pooled: a transport may still read it after the call returned.
func (ps *parts) request(f form, user string, picture *catalog.Picture, detail Detail) []byte {
	size := len(ps.markedSystem) + len(ps.strictSchema) + len(user) + len(user)/8 + len(f.dialect.body) + 512
	if picture != nil {
		size += base64.StdEncoding.EncodedLen(len(picture.Data))
	}
	b := make([]byte, 0, size)
	b = append(b, `{"model":"`...)
	b = appendEscaped(b, f.model)
	b = append(b, `","messages":[`...)
	before := ""
	switch {
	case f.terms.System == inQuestion:
		before = ps.text + `\n\n`
	case f.terms.Cache == cacheExplicit:
		b = append(append(b, ps.markedSystem...), ',')
	default:
		b = append(append(b, ps.system...), ',')
	}
	b = append(b, `{"role":"user","content":`...)
	if picture == nil {
		b = append(b, '"')
		b = append(b, before...)
		b = appendEscaped(b, user)
		b = append(b, '"')
	} else {
		if f.terms.Detail == noDetail {
			detail = ""
		}
		b = appendPicture(b, before, user, picture, detail)
	}
	b = append(b, `}]`...)
	b = f.appendParameters(b)
	b = append(b, ps.format(f.terms.Format)...)
	b = ps.appendCache(b, f.terms.Cache)
	b = append(b, f.dialect.body...)
	return append(b, '}')
}

// appendPicture appends text and picture as content parts. before is text that is escaped
// already. The picture is encoded straight into the request, its only copy.
func appendPicture(b []byte, before, user string, picture *catalog.Picture, detail Detail) []byte {
	b = append(b, `[{"type":"text","text":"`...)
	b = append(b, before...)
	b = appendEscaped(b, user)
	b = append(b, `"},{"type":"image_url","image_url":{"url":"data:`...)
	b = appendEscaped(b, picture.MediaType)
	b = append(b, `;base64,`...)
	b = base64.StdEncoding.AppendEncode(b, picture.Data)
	if detail != "" {
		b = append(b, `","detail":"`...)
		b = append(b, detail...)
	}
	return append(b, `"}}]`...)
}

func (f form) appendParameters(b []byte) []byte {
	if f.terms.Temperature == withTemperature {
		b = append(b, `,"temperature":`...)
		b = strconv.AppendFloat(b, f.temperature, 'f', -1, 64)
	}
	if name := limitParameters[f.terms.Limit]; name != "" {
		b = append(b, `,"`...)
		b = append(b, name...)
		b = append(b, `":`...)
		b = strconv.AppendInt(b, int64(f.room), 10)
	}
	switch f.terms.Logprobs {
	case topLogprobs:
		b = append(b, `,"logprobs":true,"top_logprobs":5`...)
	case plainLogprobs:
		b = append(b, `,"logprobs":true`...)
	case noLogprobs:
	}
	if name := effortValues[f.terms.Effort]; name != "" {
		b = append(b, `,"reasoning_effort":"`...)
		b = append(b, name...)
		b = append(b, '"')
	}
	if stream := f.dialect.settings.Stream; stream || f.terms.Stream != noStream {
		b = append(b, `,"stream":true`...)
		if f.terms.Stream != plainStream {
			b = append(b, `,"stream_options":{"include_usage":true}`...)
		}
	}
	return b
}

// appendCache tells the provider's prompt cache about the fixed part. With explicit
// breakpoints nothing else is written to the cache: each user message would be a paid write.
func (ps *parts) appendCache(b []byte, marks level) []byte {
	if marks != noCacheMarks {
		b = append(b, ps.cacheKey...)
	}
	if marks == cacheExplicit {
		b = append(b, `,"prompt_cache_options":{"mode":"explicit"}`...)
	}
	return b
}

func (ps *parts) format(f level) string {
	switch f {
	case strictSchema:
		return ps.strictSchema
	case plainSchema:
		return ps.plainSchema
	case jsonObject:
		return jsonObjectFormat
	default:
		return ""
	}
}

// Estimates for a lease; the gate corrects them by what answers report.
const (
	bytesPerToken     = 4
	answerTokens      = 150
	lowPictureTokens  = 85
	fullPictureTokens = 765
)

// estimate returns about how many tokens a call takes, question and answer.
func (ps *parts) estimate(user string, picture bool, detail Detail) int {
	n := (ps.textBytes+len(user))/bytesPerToken + answerTokens
	switch {
	case picture && detail == DetailLow:
		n += lowPictureTokens
	case picture:
		n += fullPictureTokens
	}
	return n
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends s as the inside of a JSON string. Invalid UTF-8 becomes
// the replacement character.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		i++
		start = i
	}
	return append(b, s[start:]...)
}

func appendEscape(b []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c >= utf8.RuneSelf:
		return append(b, `\ufffd`...)
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
}
