package llmsim

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/tidwall/gjson"
)

// shape is everything in a request but the content of its last user message. A
// client sends few shapes, so each is read once and kept.
type shape struct {
	model  string
	format string // response_format.type
	// template is of the answers that follow the request's schema. nil: none.
	template  *template
	maxTokens int // 0: no bound
	textBytes int // of all other messages and the schema
	// prefix is a hash of the model, the messages and the schema, which is what a provider's
	// prompt cache keeps.
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

// read reads the body.
func (c *call) read(s *Server) (refused *Rule) {
	pictures := xxhash.New()
	if len(c.body) > large {
		c.body = lift(c.body, pictures)
	}
	content, from := lastUserContent(c.body)
	to := from + len(content.Raw)
	c.shape = s.shapeOf(c.body[:from], content, c.body[to:])
	if content.IsArray() {
		content.ForEach(func(_, part gjson.Result) bool {
			c.text += part.Get("text").Str
			c.addPicture(part.Get("image_url"), pictures)
			return true
		})
	} else {
		c.text = content.Str
	}
	_, _ = pictures.WriteString(c.text) // a hash takes everything
	c.subject = pictures.Sum64()
	return c.refused
}

// The price of a picture: at detail "low", and at any other one, of a square of 1,024 pixels.
const lowDetailTokens, pictureTokens = 85, 765

func (c *call) addPicture(picture gjson.Result, digest *xxhash.Digest) {
	_, _ = digest.WriteString(picture.Get("url").Str)
	switch {
	case picture.Get("detail").Str == "low":
		c.pictureTokens += lowDetailTokens
	case picture.Exists():
		c.pictureTokens += pictureTokens
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
// escaped, so that the mark is never a part of a text, and base64 has no quotes.
func lift(body []byte, digest *xxhash.Digest) []byte {
	rest := body[:0]
	for {
		before, data, found := bytes.Cut(body, dataMark)
		if rest = append(rest, before...); !found {
			return rest
		}
		n := max(bytes.IndexByte(data, '"'), 0)
		_, _ = digest.Write(data[:n])
		rest, body = append(rest, dataMark...), data[n:]
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
	key := xxhash.Sum64(head)*31 + xxhash.Sum64(rest)
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
		model: r.Get("model").Str, format: format.Get("type").Str,
		maxTokens: int(max(r.Get("max_tokens").Int(), r.Get("max_completion_tokens").Int(), 0)),
		stream:    r.Get("stream").Bool(),
		textBytes: len(schema.Raw),
		prefix:    xxhash.Sum64String(r.Get("model").Raw + r.Get("messages").Raw + schema.Raw),
	}
	for _, content := range r.Get("messages.#.content").Array() {
		for _, text := range append(content.Get("#.text").Array(), content) {
			if text.Type == gjson.String {
				h.textBytes += len(text.Raw) - len(`""`)
			}
		}
	}
	h.refused = s.refused(h, body)
	if schema := format.Get("json_schema"); h.refused == nil && h.format == "json_schema" {
		var err error
		if h.template, err = newTemplate(schema.Get("schema"), schema.Get("strict").Bool()); err != nil {
			text := "Invalid schema for response_format '" + schema.Get("name").Str + "': " + err.Error()
			h.refused = invalidRequest(http.StatusBadRequest, "invalid_json_schema", "response_format", text)
		}
	}
	if own := s.config.Schema; own != "" {
		h.template, _ = newTemplate(gjson.Parse(own), false) // checked with the configuration
	}
	if h.template != nil {
		h.template.logprobs, h.template.topLogprobs = r.Get("logprobs").Bool(), int(r.Get("top_logprobs").Int())
	}
	return h
}

// refused returns what is answered to a request that the provider does not take; nil: it
// takes it.
func (s *Server) refused(h *shape, body string) *Rule {
	for _, r := range behaviours["good"] {
		if r.Status != 0 && r.asked(body) {
			return &r
		}
	}
	if len(s.config.Models) > 0 && !slices.Contains(s.config.Models, h.model) {
		text := "The model `" + h.model + "` does not exist or you do not have access to it."
		return invalidRequest(http.StatusNotFound, "model_not_found", "", text)
	}
	return nil
}

// promptTokens is about what a tokeniser would count: a quarter of the bytes of
// text and schema, and the pictures' price.
func (c *call) promptTokens() int64 { return tokensOf(c.textBytes+len(c.text)) + c.pictureTokens }

// cacheable is how many of the prompt's tokens a provider's cache can hold, which are
// those of its prefix: from 1,024 tokens on, in steps of 128.
func (h *shape) cacheable() int64 {
	if n := tokensOf(h.textBytes); n >= 1024 {
		return n / 128 * 128
	}
	return 0
}

func tokensOf(bytes int) int64 { return int64(bytes+3) / 4 }
