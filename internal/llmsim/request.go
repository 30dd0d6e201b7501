package llmsim

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/tidwall/gjson"
)

// question is a request as the simulator sees it.
type question struct {
	*shape
	// subject is a hash of the last user message: its texts, without their JSON
	// escapes, and the URLs of its pictures.
	subject       uint64
	text          string // the texts of that message
	bytes         int    // of those texts, as they were sent
	pictureTokens int64  // the price of its pictures; 0: there are none
}

// shape is everything in a request but the content of its last user message. A
// client sends few shapes, so each is read once and kept.
type shape struct {
	model  string
	quoted string // the model as a JSON string
	format string // response_format.type
	// template is of the answers that follow the request's schema. nil: none.
	template  *template
	maxTokens int // 0: no bound
	textBytes int // of all other messages and the schema
	// prefix is a hash of what comes before the last user message and of the schema:
	// what a provider's prompt cache keeps.
	prefix  uint64
	stream  bool
	refused *Rule // of each request of this shape
}

// maxShapes bounds the memory of shapes.
const maxShapes = 256

// keep puts a value into a bounded map. A full one first forgets everything, as a cache
// under pressure does.
func keep[K comparable, V any](m map[K]V, limit int, key K, value V) {
	if len(m) >= limit {
		clear(m)
	}
	m[key] = value
}

// read reads a body. It cuts the data of pictures out of it.
func (c *call) read(s *Server) (refused *Rule) {
	q := &c.question
	*q = question{}
	c.digest.Reset()
	if c.body = c.buffer.Bytes(); len(c.body) > large {
		c.body = lift(c.body, &c.digest)
	}
	content, from := lastUserContent(c.body)
	to := from + len(content.Raw)
	q.shape = s.shapeOf(c.body[:from], content, c.body[to:])
	if content.IsArray() {
		content.ForEach(func(_, part gjson.Result) bool {
			q.addText(part.Get("text"))
			q.addPicture(part.Get("image_url"), &c.digest)
			return true
		})
	} else {
		q.addText(content)
	}
	_, _ = c.digest.WriteString(q.text) // a hash takes everything
	q.subject = c.digest.Sum64()
	return q.refused
}

func (q *question) addText(text gjson.Result) {
	if text.Type == gjson.String {
		q.text += text.Str
		q.bytes += len(text.Raw) - len(`""`)
	}
}

// The price of a picture: at detail "low", and at any other one, of a square of 1,024 pixels.
const lowDetailTokens, pictureTokens = 85, 765

func (q *question) addPicture(picture gjson.Result, digest *xxhash.Digest) {
	_, _ = digest.WriteString(picture.Get("url").Str)
	switch {
	case picture.Get("detail").Str == "low":
		q.pictureTokens += lowDetailTokens
	case picture.Exists():
		q.pictureTokens += pictureTokens
	}
}

var (
	dataMark    = []byte(`"url":"data:`)
	roleMark    = []byte(`"role":"user"`)
	contentMark = []byte(`{"content":`)
)

// large is the size in bytes from which it pays to lift the pictures out of a body.
const large = 64 << 10

// lift cuts the data of pictures out of a body, hashes it, and returns the rest.
// Nothing else then walks over megabytes. A quote inside of a JSON string is
// escaped, so that the mark is never a part of a text.
func lift(body []byte, digest *xxhash.Digest) []byte {
	for from := 0; ; {
		i := bytes.Index(body[from:], dataMark)
		if i < 0 {
			return body
		}
		from += i + len(dataMark)
		n := bytes.IndexByte(body[from:], '"')
		if n < 1 || body[from+n-1] == '\\' {
			return body
		}
		_, _ = digest.Write(body[from : from+n])
		body = append(body[:from], body[from+n:]...)
	}
}

// lastUserContent returns the content of the last user message, and where it
// begins. A fast search from the end finds messages that are written as clients write
// them, without white space and with the role first or last.
func lastUserContent(body []byte) (content gjson.Result, at int) {
	role := bytes.LastIndex(body, roleMark)
	start := role - 1
	if role > 0 && body[start] != '{' {
		start = bytes.LastIndex(body[:role], contentMark)
	}
	if start >= 0 {
		found := gjson.GetBytes(body[start:], "content")
		at = start + found.Index
		if start == role-1 || at+len(found.Raw)+1 == role {
			return found, at
		}
	}
	gjson.GetBytes(body, "messages").ForEach(func(_, m gjson.Result) bool {
		if m.Get("role").Str == "user" {
			content = m.Get("content")
		}
		return true
	})
	return content, content.Index
}

// shapeOf returns the shape of a body with a content between head and rest.
func (s *Server) shapeOf(head []byte, content gjson.Result, rest []byte) *shape {
	prefix := xxhash.Sum64(head)
	key := prefix*31 + xxhash.Sum64(rest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.shapes[key]; h != nil {
		return h
	}
	empty := ""
	if content.Exists() {
		empty = `""`
	}
	h := s.readShape(string(head) + empty + string(rest))
	h.prefix += prefix
	keep(s.shapes, maxShapes, key, h)
	return h
}

// readShape reads a body whose last user message is empty.
func (s *Server) readShape(body string) *shape {
	if !gjson.Valid(body) {
		return &shape{refused: errBadJSON}
	}
	r := gjson.Parse(body)
	format := r.Get("response_format")
	schema := format.Get("json_schema.schema")
	h := &shape{
		model: r.Get("model").Str, quoted: r.Get("model").Raw, format: format.Get("type").Str,
		maxTokens: int(max(r.Get("max_tokens").Int(), r.Get("max_completion_tokens").Int(), 0)),
		stream:    r.Get("stream").Bool(),
		textBytes: len(schema.Raw), prefix: xxhash.Sum64String(schema.Raw),
	}
	for _, content := range r.Get("messages.#.content").Array() {
		for _, text := range append(content.Get("#.text").Array(), content) {
			if text.Type == gjson.String {
				h.textBytes += len(text.Raw) - len(`""`)
			}
		}
	}
	if h.refused = s.readSchema(h, r); h.refused != nil {
		return h
	}
	if own := s.config.Answer.Schema; own != "" {
		h.template, _ = newTemplate(gjson.Parse(own), false) // checked with the configuration
	}
	if h.template != nil {
		h.template.logprobs, h.template.topLogprobs = r.Get("logprobs").Bool(), int(r.Get("top_logprobs").Int())
	}
	return h
}

// readSchema sets the template of a request that asks for a schema. It returns what is
// answered to a request that the provider does not take, nil for others.
func (s *Server) readSchema(h *shape, r gjson.Result) (refused *Rule) {
	schema := r.Get("response_format.json_schema")
	name := schema.Get("name").Str
	switch {
	case h.model == "":
		return badRequest("you must provide a model parameter", nil, nil)
	case !r.Get("messages.0").Exists():
		return badRequest("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
	case h.stream && !s.behaviour.streams():
		return badRequest("This simulated server does not stream: leave out 'stream'.", "stream", "unsupported_value")
	case len(s.config.Models) > 0 && !slices.Contains(s.config.Models, h.model):
		text := "The model `" + h.model + "` does not exist or you do not have access to it."
		return apiError{"model_not_found", text, nil, invalidRequest}.rule(http.StatusNotFound)
	case h.format != "json_schema":
		return nil
	case name == "":
		const param = "response_format.json_schema.name"
		return badRequest("Missing required parameter: '"+param+"'.", param, "missing_required_parameter")
	}
	var err error
	if h.template, err = newTemplate(schema.Get("schema"), schema.Get("strict").Bool()); err != nil {
		return badRequest("Invalid schema for response_format '"+name+"': "+err.Error(), "response_format", "invalid_json_schema")
	}
	return nil
}

// promptTokens is about what a tokeniser would count: a quarter of the bytes of
// text and schema, and the pictures' price.
func (q *question) promptTokens() int64 { return tokensOf(q.textBytes+q.bytes) + q.pictureTokens }

// cacheable is how many of the prompt's tokens a provider's cache can hold:
// prefixes from 1,024 tokens on, in steps of 128.
func (h *shape) cacheable() int64 {
	if n := tokensOf(h.textBytes); n >= 1024 {
		return n / 128 * 128
	}
	return 0
}

func tokensOf(bytes int) int64 { return int64(bytes+3) / 4 }
