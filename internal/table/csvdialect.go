package table

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// separators are what may stand between values. The first wins a tie.
var separators = []byte{',', ';', '\t', '|', '^'}

// findDialect finds out what ends the rows and what separates the values, and takes
// blank lines and a line such as "sep=;", which is a note for spreadsheets. It goes by
// the first line if that names a known column, else by the first lines.
func (s *csvScanner) findDialect() error {
	for {
		if err := s.findLineEnds(); err != nil {
			return err
		}
		end, err := s.lineEnd(0)
		if err != nil {
			return err
		}
		line := trimEnd(s.buf[s.pos : s.pos+end])
		if sep, ok := separatorNote(line); ok && s.sep == 0 {
			s.sep = sep
			s.take(end)
			continue
		}
		if s.sep == 0 || bytes.IndexByte(line, s.sep) < 0 { // a note may be wrong
			s.sep = s.findSeparator(line)
		}
		return nil
	}
}

// findSeparator returns what separates the values, by the first line and those below it.
func (s *csvScanner) findSeparator(line []byte) byte {
	sep, known := bestSeparator([]string{string(line)})
	if known > 0 && line[0] == '#' { // a note for people, such as "# Required | The price"
		lines := s.linesAhead(maxTitleRows)
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") })
		if below, more := bestSeparator(lines[:min(1, len(lines))]); more > known {
			return below
		}
	}
	if known > 0 {
		return sep
	}
	if inner, ok := unquotedLine(line); ok {
		if sep, known := bestSeparator([]string{inner}); known > 0 && sep != 0 {
			s.wrapped = true
			return sep
		}
	}
	lines := s.linesAhead(maxTitleRows)
	if sep, known = bestSeparator(lines); known == 0 {
		if rare := rareSeparator(lines); rare != 0 {
			return rare
		}
		if s.findGaps(string(line)) {
			return 0
		}
	}
	return sep
}

// findLineEnds takes the blank lines at the beginning, and finds out whether the first
// line after them ends with a carriage return alone.
func (s *csvScanner) findLineEnds() error {
	seen := 0 // nothing is visible before it
	for {
		rest := s.buf[s.pos:]
		visible := bytes.IndexFunc(rest[seen:], func(r rune) bool { return !strings.ContainsRune(" \t\r\n\x1a"+byteOrderMark, r) })
		if visible < 0 {
			seen = len(rest)
		} else {
			visible += seen
			seen = visible
			blank := rest[:1+bytes.LastIndexAny(rest[:visible], "\r\n")]
			i := bytes.IndexAny(rest[visible:], "\r\n")
			known := i >= 0 && (rest[visible+i] == '\n' || visible+i+1 < len(rest) || errors.Is(s.err, io.EOF))
			if known || len(rest) > s.limit || s.err != nil {
				s.cr = i >= 0 && rest[visible+i] == '\r' && !bytes.HasPrefix(rest[visible+i+1:], []byte("\n"))
				s.line += countLines(blank, true)
				s.pos += len(blank)
				return nil
			}
		}
		if visible < 0 && len(rest) > s.limit {
			return errRowTooLong
		}
		if !s.more() && !errors.Is(s.err, io.EOF) {
			return s.err
		} else if visible < 0 && s.err != nil {
			return s.err
		}
	}
}

// separatorNote returns the separator of a line such as "sep=;".
func separatorNote(line []byte) (byte, bool) {
	note := bytes.Trim(bytes.TrimSpace(line), `"`)
	if len(note) < len("sep=") || !bytes.EqualFold(note[:len("sep=")], []byte("sep=")) {
		return 0, false
	}
	switch rest := note[len("sep="):]; {
	case len(rest) == 0:
		return '\t', true // trimmed
	case len(rest) == 1:
		return rest[0], true
	case string(rest) == `\t`:
		return '\t', true
	}
	return 0, false
}

// linesAhead returns lines that come next, without taking them.
func (s *csvScanner) linesAhead(most int) []string {
	var lines []string
	for at := 0; len(lines) < most; {
		end, err := s.lineEnd(at)
		if err != nil || end > headBytes {
			break
		}
		lines = append(lines, string(trimEnd(s.buf[s.pos+at:s.pos+end])))
		at = end + 1
	}
	return lines
}

// bestSeparator returns the separator with which some line names the most known columns,
// else the one that most lines have the same number of. It returns 0 for lines of one
// column. known is how many known columns there are.
func bestSeparator(lines []string) (best byte, known int) {
	type score struct{ known, agree, count int }
	var top score
	for _, sep := range separators {
		var this score
		counts := map[int]int{}
		for _, line := range lines {
			cells := splitQuoted(line, sep)
			this.known = max(this.known, knownNames(cells))
			if n := len(cells) - 1; n > 0 {
				counts[n]++
			}
		}
		for n, lines := range counts {
			if lines > this.agree || (lines == this.agree && n > this.count) {
				this.agree, this.count = lines, n
			}
		}
		if this.count == 0 {
			continue
		}
		if this.known > top.known || (this.known == top.known && (this.agree > top.agree ||
			(this.agree == top.agree && this.count > top.count))) {
			best, top = sep, this
		}
	}
	for _, line := range lines {
		// A single column of texts with commas.
		if alone := knownNames([]string{line}); alone > top.known {
			return 0, alone
		}
	}
	return best, top.known
}

// splitQuoted cuts a line at a separator, but for quoted parts.
func splitQuoted(line string, sep byte) []string {
	l := csvLine{scanner: &csvScanner{sep: sep}, text: line}
	l.parse()
	return l.cells
}

func knownNames(cells []string) int {
	alone, n := filled(cells) == 1, 0
	for _, cell := range trimAll(cells) {
		if _, ok := headerField(cell, alone); ok {
			n++
		}
	}
	return n
}

// headerField returns the field of a name in a header. Alone in its row, a text is a title
// unless it is a name as it stands in the list.
func headerField(name string, alone bool) (fieldRank, bool) {
	c, known := columns[string(fold(nil, name))]
	if !known && !alone && looksLikeName(name) {
		c, known = namedField(name)
		known = known && c.field != fieldPage && (c.field == fieldImage || c.rank < rankOfNumbers) // "Product 1"
	}
	return c, known
}

// describesProduct reports whether the name is that of a known column that helps to
// classify.
func describesProduct(name string) bool {
	c, known := headerField(name, true)
	return known && c.field != fieldID && c.field != fieldPrice
}

// describeProducts reports whether a row names such a column, and has more names of columns
// than values: a product may have a cell such as "Image".
func describeProducts(row []string) bool {
	alone, values := filled(row) == 1, 0
	for _, cell := range trimAll(row) {
		if looksLikeValue(cell) {
			values++
		}
	}
	if values > knownNames(row) {
		return false
	}
	return slices.ContainsFunc(trimAll(row), func(name string) bool {
		c, known := headerField(name, alone)
		return known && c.field != fieldID && c.field != fieldPrice
	})
}

// maxTitleRows is how many rows may stand above the header.
const maxTitleRows = 20

// findHeader returns the first row that names a known column. It keeps the rows below
// it that it has read, and drops those above it: they are titles. Without such a row the
// first one is the header if it looks like names above values.
func (s *headedSource) findHeader() (cellRow, error) {
	var rows []cellRow
	for len(rows) <= maxTitleRows {
		row := s.read()
		if errors.Is(row.err, io.EOF) {
			break
		}
		if row.err != nil {
			return row, row.err
		}
		if blankRow(row.cells) {
			continue
		}
		if describeProducts(row.cells) {
			return s.lastHeader(row), nil
		}
		rows = append(rows, row)
		s.comments = s.comments || strings.HasPrefix(row.cells[0], "#")
	}
	if len(rows) == 0 {
		return cellRow{}, s.at.fault("is empty: it needs a header and a row, or JSON objects")
	}
	if i := likelyHeader(rows); i >= 0 {
		s.pending = rows[i+1:]
		return rows[i], nil
	}
	if i := slices.IndexFunc(rows, namesProduct); i >= 0 {
		s.pending = rows[i+1:]
		return rows[i], nil
	}
	s.headless = true
	return cellRow{}, s.at.at(rows[0].line).fault("the first line must name the columns, and none of %s is known: "+
		"name at least one of product_name, description, type, image_url, product_url, and separate them by commas, semicolons, tabs or bars",
		clip(strings.Join(trimAll(rows[0].cells), ", ")))
}

// namesProduct reports whether a row has several cells, one of which is the name of a column
// that helps to classify with something added, such as "Bezeichnung (DE)".
func namesProduct(row cellRow) bool {
	return filled(row.cells) > 1 && slices.ContainsFunc(trimAll(row.cells), func(name string) bool {
		c, known := namedField(name)
		return known && c.field != fieldID && c.field != fieldPrice && looksLikeName(strings.ReplaceAll(name, "\n", " "))
	})
}

// maxHeaders is how many rows of names may stand one below the other.
const maxHeaders = 3

// lastHeader returns the last of several rows of names, the first of which is row: above the
// names there may be merged cells for groups of columns, or the names in people's words, as
// in Amazon's flat files.
func (s *headedSource) lastHeader(row cellRow) cellRow {
	for range maxHeaders {
		s.want = len(row.cells)
		next := s.read()
		names := trimAll(next.cells)
		known := knownNames(names)
		if next.err != nil || known < 2 || 3*known < 2*knownNames(row.cells) ||
			filled(names) < filled(row.cells) || slices.ContainsFunc(names, looksLikeValue) {
			s.pending = append([]cellRow{next}, s.pending...)
			break
		}
		row = next
	}
	return row
}

// nameRowNumbers gives the column of row numbers, which R's write.table leaves without a
// name, its place in the header. By the first row, the product's name would be a number.
func (s *headedSource) nameRowNumbers() {
	first := s.read()
	s.pending = append([]cellRow{first}, s.pending...)
	at := slices.IndexFunc(s.names, func(name string) bool { return columns[string(fold(nil, name))].field == fieldName })
	if at < 0 || len(first.cells) != len(s.names)+1 || strings.TrimSpace(first.cells[0]) != "1" ||
		s.join != " " && (!looksLikeValue(first.cells[at]) || looksLikeValue(first.cells[at+1])) {
		return
	}
	s.setNames(append([]string{""}, s.header...))
}

// likelyHeader returns the place of the row that seems to name the columns, -1 for none:
// one of short texts that are all different, with another kind of values below.
func likelyHeader(rows []cellRow) int {
	header := 0
	for i, row := range rows {
		if filled(row.cells) > filled(rows[header].cells) {
			header = i
		}
	}
	names := trimAll(rows[header].cells)
	if filled(names) < 2 || knownNames(names) == filled(names) {
		return -1
	}
	seen := map[string]bool{}
	for _, name := range names {
		if name != "" && (seen[name] || !looksLikeName(name)) {
			return -1
		}
		seen[name] = true
	}
	for _, row := range rows[header+1:] {
		if slices.ContainsFunc(row.cells, looksLikeValue) {
			return header
		}
	}
	return -1
}

func filled(cells []string) int {
	n := 0
	for _, cell := range cells {
		if strings.TrimSpace(cell) != "" {
			n++
		}
	}
	return n
}

// looksLikeName reports whether a text could be the name of a column, not a value.
func looksLikeName(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) > 64 || strings.ContainsAny(text, "\n<>") || strings.Contains(text, "://") {
		return false
	}
	_, err := strconv.ParseFloat(strings.Trim(strings.ReplaceAll(text, ",", "."), "€$£% "), 64)
	return err != nil
}

func looksLikeValue(text string) bool { return text != "" && !looksLikeName(text) }

// isKeyName reports whether the name is that of a column of keys.
func isKeyName(name string) bool {
	var buf [64]byte
	return columns[string(fold(buf[:0], name))].field == fieldID
}
