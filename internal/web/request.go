package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

// defaultProductColumn is the original's.
const defaultProductColumn = "Product URL"

// request is what POST /classify-category is asked.
type request struct {
	rows          [][]byte // JSON objects, checked
	mode          catalog.Mode
	productColumn string // empty for texts
	columns       []table.ColumnChoice
}

// limits bound a request.
type limits struct {
	items int
	bytes int64
}

// readRequest reads and checks a body. It accepts what the original's framework did, such
// as numbers in quotes, and also bare NaN.
// The error is an unfit, a statusError or a fault.
func readRequest(ctx context.Context, body io.Reader, l limits) (*request, error) {
	p := &requestParser{limits: l, req: request{productColumn: defaultProductColumn}}
	in := bufio.NewReader(http.MaxBytesReader(nil, io.NopCloser(body), l.bytes))
	if head, _ := in.Peek(len(byteOrderMark)); string(head) == byteOrderMark { // an error comes again
		_, _ = in.Discard(len(byteOrderMark))
	}
	p.decoder = json.NewDecoder(&squeezer{in: table.NewNaNReader(in)})
	if err := p.parse(); err != nil {
		return nil, p.failed(err)
	}
	if err := p.check(ctx); err != nil {
		return nil, err
	}
	req := p.req // and not the parser with its buffers
	return &req, nil
}

// byteOrderMark is what some programs begin UTF-8 with.
const byteOrderMark = "\xef\xbb\xbf"

// requestParser takes a body apart as it comes: of the rows it keeps their bytes,
// one by one, of all else what it asks for.
type requestParser struct {
	limits  limits
	decoder *json.Decoder
	req     request
	toggle  json.RawMessage // nil: not there
	hasData bool
}

// failed says what an error of the input means to the caller.
func (p *requestParser) failed(err error) error {
	var known *unfit
	var other *statusError
	switch {
	case errors.As(err, &known), errors.As(err, &other):
		return err
	case fault.Is(err, fault.TooManyItems), fault.Is(err, fault.ServerFull),
		fault.Is(err, fault.MessageTooLarge), fault.Is(err, fault.InvalidRequest): // the latter two from inflate
		return err
	case errors.As(err, new(*http.MaxBytesError)):
		return &statusError{
			http.StatusRequestEntityTooLarge,
			fmt.Sprintf("The body has more than %d bytes: send the rows in several requests", p.limits.bytes),
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &statusError{http.StatusRequestTimeout, "The body did not come in time: send it at once"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return wrong("json_invalid", "JSON decode error: the body ends too early", p.decoder.InputOffset())
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return wrong("json_invalid", "JSON decode error: "+syntax.Error(), syntax.Offset)
	}
	return fault.Wrap(err, fault.Cancelled, "the body could not be read")
}

func (p *requestParser) parse() error {
	token, err := p.decoder.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return wrong("dict_type", "the body must be an object with the keys data, toggle and product_column")
	}
	for p.decoder.More() {
		key, err := p.decoder.Token()
		if err != nil {
			return err
		}
		if err := p.value(key); err != nil {
			return err
		}
	}
	if _, err := p.decoder.Token(); err != nil {
		return err
	}
	if _, err := p.decoder.Token(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return wrong("json_invalid", "JSON decode error: something follows the object", p.decoder.InputOffset())
	}
	return nil
}

// value reads the value of a key. Of equal keys the last one counts.
func (p *requestParser) value(key json.Token) error {
	if key == "data" {
		return p.data()
	}
	var raw json.RawMessage
	if err := p.decoder.Decode(&raw); err != nil {
		return err
	}
	switch key {
	case "toggle":
		p.toggle = raw
	case "product_column":
		return p.column(raw)
	case "columns":
		return p.columns(raw)
	}
	return nil
}

// maxColumnChoices bounds the member columns, each of which is compared with every key.
const maxColumnChoices = 100

// columns reads the caller's word on which key fills which field, none for null.
func (p *requestParser) columns(raw json.RawMessage) error {
	var chosen map[string]*string
	if err := json.Unmarshal(raw, &chosen); err != nil {
		return wrong("dict_type", "columns must be an object of texts, such as {\"product_name\": \"Titel\", \"price\": \"\"}", "columns")
	}
	if len(chosen) > maxColumnChoices {
		return wrong("too_long", fmt.Sprintf("columns has at most %d members", maxColumnChoices), "columns")
	}
	p.req.columns = nil
	for _, field := range slices.Sorted(maps.Keys(chosen)) {
		choice := table.ColumnChoice{Field: field}
		if name := chosen[field]; name != nil {
			choice.Name = *name
		}
		if err := choice.Check(); err != nil {
			return wrong("value_error", fault.From(err).Message, "columns", field)
		}
		p.req.columns = append(p.req.columns, choice)
	}
	return nil
}

func (p *requestParser) data() error {
	token, err := p.decoder.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('[') {
		return wrong("list_type", "data must be a list of objects", "data")
	}
	p.hasData = true
	p.req.rows = nil
	for p.decoder.More() {
		if err := p.row(); err != nil {
			return err
		}
	}
	_, err = p.decoder.Token()
	return err
}

func (p *requestParser) row() error {
	place := len(p.req.rows)
	if place == p.limits.items {
		return fault.New(fault.TooManyItems, "There are more than %s: send them in several requests", catalog.Count(p.limits.items, "row"))
	}
	var raw json.RawMessage
	if err := p.decoder.Decode(&raw); err != nil {
		return err
	}
	if raw[0] != '{' {
		return wrong("dict_type", "each row must be an object", "data", place)
	}
	if !utf8.Valid(raw) {
		return wrong("json_invalid", "JSON decode error: the row is not in UTF-8", "data", place)
	}
	// The decoder knows by now that this is JSON, so that no shorter row can fail.
	if len(raw) > table.MaxColumns*shortestCell {
		var row table.Row
		if err := row.UnmarshalJSON(raw); err != nil {
			return wrong("value_error", err.Error(), "data", place)
		}
	}
	p.req.rows = append(p.req.rows, raw)
	return nil
}

// shortestCell is how many bytes a key and its value have at least: `"":1,`.
const shortestCell = 5

func (p *requestParser) column(raw json.RawMessage) error {
	refused := wrong("string_type", "product_column must be a text", "product_column")
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &p.req.productColumn); err != nil {
			return refused
		}
	case 'n':
		p.req.productColumn = defaultProductColumn
	case '[', '{':
		return refused
	default: // a number or a boolean, which columns of spreadsheets are named by
		p.req.productColumn = string(raw)
	}
	return nil
}

// check holds the parts against each other, in the original's order.
func (p *requestParser) check(ctx context.Context) error {
	if !p.hasData {
		return wrong("missing", "Field required", "data")
	}
	if p.toggle == nil {
		return wrong("missing", "Field required", "toggle")
	}
	toggle, err := wholeNumber(p.toggle)
	if err != nil {
		return err
	}
	if len(p.req.rows) == 0 {
		return fault.New(fault.InvalidRequest, "No data provided")
	}
	switch toggle {
	case 0:
		p.req.mode = catalog.ModeImage
		return p.checkPictures(ctx)
	case 1:
		// In texts the column is one as any other: it may be that of the name.
		p.req.mode, p.req.productColumn = catalog.ModeText, ""
		return nil
	default:
		return fault.New(fault.InvalidRequest, "Toggle must be 0 or 1")
	}
}

func (p *requestParser) checkPictures(ctx context.Context) error {
	for i, raw := range p.req.rows {
		if err := ctx.Err(); err != nil {
			return drain.Explain(ctx, err)
		}
		var row table.Row
		if err := row.UnmarshalJSON(raw); err != nil {
			return fault.From(err) // it was read once already
		}
		if !table.HasPictureKey(row, p.req.productColumn, p.req.columns...) {
			return fault.New(fault.InvalidRequest,
				"Item %d has neither the column %q nor another one for a picture: add it, or image_url or product_url",
				i+1, catalog.Clip(p.req.productColumn, 200))
		}
	}
	return nil
}

// wholeText is a whole number as a text.
var wholeText = regexp.MustCompile(`^[+-]?[0-9]+(\.0*)?$`)

// wholeNumber reads a number as the original's framework did: 1, 1.0, "1", "1.0"
// and true are all one.
func wholeNumber(raw json.RawMessage) (int, error) {
	refused := wrong("int_parsing", "toggle must be a whole number: 1 for text, 0 for images", "toggle")
	text := string(raw)
	switch text {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	case "null":
		return 0, refused
	}
	if text[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, refused
		}
		if text = strings.TrimSpace(text); !wholeText.MatchString(text) {
			return 0, refused
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number != math.Trunc(number) || math.Abs(number) > math.MaxInt32 {
		return 0, refused
	}
	return int(number), nil
}
