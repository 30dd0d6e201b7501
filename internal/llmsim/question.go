package llmsim

import (
	"bytes"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// question is what the simulator looks at in a request. Its byte slices point
// into the request and end with it.
type question struct {
	model []byte
	// subject is a hash of the last user message: its texts, without their JSON
	// escapes, and the URLs of its pictures.
	subject uint64
	mark    mark
	// prefix is a hash of the messages before the first user message and of the
	// schema and the model, and prefixBytes their length: what a provider's prompt cache keeps.
	prefix      uint64
	prefixBytes int
	textBytes   int
	images      int
	imageBytes  int
	imageTokens int

	format      []byte // response_format.type
	schema      []byte
	schemaName  []byte
	strict      bool
	logprobs    bool
	topLogprobs int
	// maxTokens bounds the answer. 0: no bound.
	maxTokens int

	messages int
	stream   bool
}

// reader fills in a question.
type reader struct {
	question
	scan        scanner
	text        []byte // scratch for texts without escapes; its memory is used again
	digest      xxhash.Digest
	imagePrice  int
	prefixEnded bool
	user        bool // the message at hand is a user's
}

// read scans a request's body. imagePrice is charged in tokens for a picture.
func (r *reader) read(body []byte, imagePrice int) *apiError {
	r.question = question{}
	r.scan = scanner{text: body}
	r.imagePrice = imagePrice
	r.prefixEnded = false
	err := r.scan.object(r.field)
	if err == nil {
		err = r.scan.end()
	}
	switch {
	case err != nil:
		return errBadJSON
	case len(r.model) == 0:
		return badRequest("you must provide a model parameter", "", "")
	case r.messages == 0:
		return badRequest("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
	case r.stream:
		return badRequest("This simulated server does not stream: leave out 'stream'.", "stream", "unsupported_value")
	}
	r.prefix ^= xxhash.Sum64(r.schema) + 31*xxhash.Sum64(r.model)
	r.prefixBytes += len(r.schema)
	return nil
}

func (r *reader) field(key []byte) (err error) {
	switch string(key) {
	case "model":
		r.model, err = r.scan.str()
	case "messages":
		err = r.scan.array(r.message)
	case "response_format":
		err = r.scan.object(r.formatField)
	case "logprobs":
		r.logprobs, err = r.boolean()
	case "stream":
		r.stream, err = r.boolean()
	case "top_logprobs":
		r.topLogprobs, err = r.integer()
	case "max_tokens", "max_completion_tokens":
		r.maxTokens, err = r.integer()
	default:
		_, err = r.scan.raw()
	}
	return err
}

func (r *reader) formatField(key []byte) (err error) {
	switch string(key) {
	case "type":
		r.format, err = r.scan.str()
	case "json_schema":
		err = r.scan.object(r.schemaField)
	default:
		_, err = r.scan.raw()
	}
	return err
}

func (r *reader) schemaField(key []byte) (err error) {
	switch string(key) {
	case "schema":
		r.schema, err = r.scan.raw()
	case "name":
		r.schemaName, err = r.scan.str()
	case "strict":
		r.strict, err = r.boolean()
	default:
		_, err = r.scan.raw()
	}
	return err
}

func (r *reader) boolean() (bool, error) {
	v, err := r.scan.raw()
	return string(v) == "true", err
}

// integer reads a whole number; null and numbers out of range count as 0.
func (r *reader) integer() (int, error) {
	v, err := r.scan.raw()
	if err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(string(v)); err == nil && n > 0 {
		return n, nil
	}
	return 0, nil
}

// message reads one message. Its role may come after its content, so that is
// looked at last.
func (r *reader) message() error {
	var role, content []byte
	err := r.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "role":
			role, err = r.scan.str()
		case "content":
			content, err = r.scan.raw()
		default:
			_, err = r.scan.raw()
		}
		return err
	})
	if err != nil {
		return err
	}
	r.messages++
	if user := string(role) == "user"; user || !r.prefixEnded && string(role) != "assistant" {
		return r.content(content, user)
	}
	r.prefixEnded = true
	r.textBytes += len(content)
	return nil
}

// content reads a message's text or parts. A user's message becomes the subject,
// another one a part of the prefix.
func (r *reader) content(raw []byte, user bool) error {
	r.text, r.user = r.text[:0], user
	r.digest.Reset()
	before := r.textBytes
	inner := scanner{text: raw}
	var err error
	switch inner.peek() {
	case '"':
		err = r.addText(&inner)
	case '[':
		err = inner.array(func() error { return r.part(&inner) })
	}
	if err != nil {
		return err
	}
	if user {
		r.prefixEnded = true
		_, _ = r.digest.Write(r.text)
		r.subject = r.digest.Sum64()
		r.mark = findMark(r.text)
		return nil
	}
	r.prefix = r.prefix*31 + r.digest.Sum64()
	r.prefixBytes += r.textBytes - before
	return nil
}

func (r *reader) part(inner *scanner) error {
	return inner.object(func(key []byte) (err error) {
		switch string(key) {
		case "text":
			err = r.addText(inner)
		case "image_url":
			err = r.addImage(inner)
		default:
			_, err = inner.raw()
		}
		return err
	})
}

func (r *reader) addText(inner *scanner) error {
	raw, err := inner.str()
	if err != nil {
		return err
	}
	r.textBytes += len(raw)
	if r.user {
		r.text = unescape(r.text, raw)
	} else {
		_, _ = r.digest.Write(raw) // a prefix is looked at for sameness alone
	}
	return nil
}

// lowDetailTokens is the price of a picture at detail "low".
const lowDetailTokens = 85

func (r *reader) addImage(inner *scanner) error {
	price := r.imagePrice
	err := inner.object(func(key []byte) error {
		value, err := inner.raw()
		switch string(key) {
		case "url":
			r.imageBytes += len(value)
			_, _ = r.digest.Write(value)
		case "detail":
			if bytes.Equal(value, []byte(`"low"`)) {
				price = lowDetailTokens
			}
		}
		return err
	})
	r.images++
	r.imageTokens += price
	return err
}

// promptTokens is about what a tokeniser would count: a quarter of the bytes of
// text and schema, and the pictures' price.
func (q *question) promptTokens() int {
	return tokensOf(q.textBytes+len(q.schema)) + q.imageTokens
}

// cacheable is how many of the prompt's tokens a provider's cache can hold:
// prefixes from 1,024 tokens on, in steps of 128.
func (q *question) cacheable() int {
	n := tokensOf(q.prefixBytes)
	if n < 1024 {
		return 0
	}
	return n / 128 * 128
}

func tokensOf(bytes int) int { return (bytes + 3) / 4 }
