package table

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// looksLikeXML reports whether a text begins with a tag.
func looksLikeXML(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 1 && head[0] == '<' && (head[1] == '?' || head[1] == '!' || head[1] >= 'A')
}

// tableAlone is how a table begins that a program writes as XML.
var tableAlone = regexp.MustCompile(`(?s)^<\?xml[^>]*>(?:\s+|<!--.*?-->|<div[^>]*>)*<table\b.*?<tr\b`)

// isPage reports whether what begins in this way, in lower case, is a page in HTML, and not a feed
// with tables in its texts.
func isPage(start string) bool {
	start, _, _ = strings.Cut(start, "<![cdata[")
	if strings.Contains(start, "<html") || strings.Contains(start, "<!doctype html") || tableAlone.MatchString(start) {
		return true
	}
	return strings.Contains(start, "<table") && !strings.HasPrefix(start, "<?xml")
}

// openMarkup reads a feed in XML, or the table of a page in HTML, as which shops save
// files that they call .xls.
func (o *opener) openMarkup(text *bufio.Reader, head []byte) (*Reader, error) {
	start := strings.ToLower(string(head[:min(len(head), 4096)]))
	switch {
	case strings.Contains(start, "urn:schemas-microsoft-com:office:spreadsheet"):
		return nil, o.at.fault("is a spreadsheet in XML of Excel 2003: save it as .xlsx or CSV")
	case !isPage(start):
		return &Reader{source: newFeedSource(text, o.at, o.cfg.MaxRowBytes, head), kind: "xml"}, nil
	}
	rows := &htmlRows{tokens: html.NewTokenizer(text), at: o.at}
	rows.tokens.SetMaxBuf(o.cfg.MaxRowBytes)
	s, err := newHeadedSource(rows, o.at, ", ")
	if err != nil && rows.line == 0 {
		return nil, o.at.fault("is a page in HTML without a table: export the products as CSV, XLSX or JSON")
	}
	if err != nil {
		return nil, err
	}
	return headedReader(s, "html", Dialect{}), nil
}

// htmlRows are the rows of the tables in a page, one below the other. A table within a
// cell is part of the cell's text.
type htmlRows struct {
	tokens *html.Tokenizer
	at     position
	line   int // counts the rows

	cells  []string
	extras cellExtras
	text   strings.Builder
	inCell int // tables that are open since the cell began, plus 1; 0: outside
	hidden int // script and style elements that are open
}

// row returns the next row that has a cell.
func (r *htmlRows) row(int) cellRow {
	for {
		kind := r.tokens.Next()
		if kind == html.ErrorToken {
			return r.end()
		}
		name, _ := r.tokens.TagName()
		switch kind {
		case html.TextToken:
			if r.inCell > 0 && r.hidden == 0 {
				r.text.Write(r.tokens.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			if r.inCell > 0 {
				r.link(string(name))
			}
			if r.opened(string(name)) {
				return r.finish()
			}
		case html.EndTagToken:
			if r.closed(string(name)) {
				return r.finish()
			}
		}
	}
}

// end returns the last row, which need not be closed.
func (r *htmlRows) end() cellRow {
	if err := r.tokens.Err(); !errors.Is(err, io.EOF) {
		return cellRow{line: r.line, err: r.at.fault("is a page in HTML that cannot be read beyond row %d: %v", r.line, err)}
	}
	if r.ends() {
		return r.finish()
	}
	return cellRow{line: r.line, err: io.EOF}
}

// opened handles a start of an element, and reports whether a row ends there.
func (r *htmlRows) opened(name string) bool {
	switch name {
	case "script", "style":
		r.hidden++
	case "table":
		if r.inCell > 0 {
			r.inCell++
		}
	case "br", "p", "div", "li":
		if r.inCell > 0 && r.text.Len() > 0 {
			r.text.WriteByte('\n')
		}
	case "tr":
		return r.inCell <= 1 && r.ends()
	case "td", "th":
		if r.inCell <= 1 {
			r.endCell()
			r.inCell = 1
		}
	}
	return false
}

// closed handles an end of an element, and reports whether a row ends there.
func (r *htmlRows) closed(name string) bool {
	switch name {
	case "script", "style":
		r.hidden = max(0, r.hidden-1)
	case "td", "th":
		if r.inCell == 1 {
			r.endCell()
		}
	case "table":
		if r.inCell > 1 {
			r.inCell--
			return false
		}
		return r.ends()
	case "tr":
		return r.inCell <= 1 && r.ends()
	}
	return false
}

// link takes the address of a link or a picture in a cell; that of a picture goes first.
func (r *htmlRows) link(name string) {
	attribute := map[string]string{"a": "href", "img": "src"}[name]
	for more := attribute != ""; more; {
		var key, value []byte
		key, value, more = r.tokens.TagAttr()
		if _, taken := r.extras.links[len(r.cells)]; string(key) == attribute && (!taken || name == "img") {
			r.extras.addLink(len(r.cells), string(value))
		}
	}
}

func (r *htmlRows) endCell() {
	if r.inCell == 0 {
		return
	}
	r.cells = append(r.cells, strings.TrimSpace(r.text.String()))
	r.text.Reset()
	r.inCell = 0
}

// ends ends the cell that is open, and reports whether there is a row.
func (r *htmlRows) ends() bool {
	r.endCell()
	return len(r.cells) > 0
}

// finish returns the row that has been collected.
func (r *htmlRows) finish() cellRow {
	r.line++
	row := cellRow{cells: r.cells, extras: r.extras, line: r.line}
	r.cells, r.extras = nil, cellExtras{}
	return row
}
