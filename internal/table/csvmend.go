package table

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
)

// rareSeparators stand between values in the exports of few programs, and in the texts of
// many files. So they count only in a line with several known names.
var rareSeparators = []byte{'~', '\x01', '\x1f', ' ', ':', '#', '!', '*', '$', '/'}

// rareSeparator returns the separator that few programs use with which some line names
// several known columns, 0 for none.
func rareSeparator(lines []string) byte {
	const several = 2
	for _, line := range lines {
		if sep, _ := bestSeparator([]string{line}); sep != 0 {
			continue // which has names in two languages: "Preis / Price;Text"
		}
		for _, sep := range rareSeparators {
			if sep == ' ' && !strings.Contains(line, `" "`) {
				continue // the words of a text
			}
			if knownNames(splitQuoted(line, sep)) >= several {
				return sep
			}
		}
	}
	return 0
}

// unquotedLine returns what a line has in quotes that stand around it as a whole, as where
// a spreadsheet took every line for one cell.
func unquotedLine(line []byte) (string, bool) {
	if len(line) < 2 || line[0] != '"' || line[len(line)-1] != '"' {
		return "", false
	}
	cells := splitQuoted(string(line), 0)
	return cells[0], len(cells[0]) < len(line)
}

// mended returns the cells of a row that has not as many as it should because it is written
// in another way than the header: in quotes as a whole, with another separator, or with a
// backslash in front of separators that are part of a text. It returns the cells
// themselves if no such way makes a whole row of them.
func (s *csvScanner) mended(cells []string) []string {
	if len(cells) == 1 && s.want == 0 {
		return splitQuoted(cells[0], s.sep) // the header
	}
	if len(cells) == 1 {
		for _, sep := range append([]byte{s.sep}, separators...) {
			if other := splitQuoted(cells[0], sep); len(other) == s.want {
				return other
			}
		}
		return cells
	}
	if len(cells) < s.want {
		return cells
	}
	merged := make([]string, 0, len(cells))
	for _, cell := range cells {
		if n := len(merged) - 1; n >= 0 && strings.HasSuffix(merged[n], `\`) {
			merged[n] = strings.TrimSuffix(merged[n], `\`) + string(rune(s.sep)) + cell
			continue
		}
		merged = append(merged, cell)
	}
	if len(merged) == s.want {
		return merged
	}
	return cells
}

// otherQuotes are pairs of marks that stand around cells where a program, or a person's
// text editor, has put them in place of quotes.
var otherQuotes = [][2]string{{"'", "'"}, {"“", "”"}, {"„", "“"}, {"”", "”"}, {"«", "»"}, {"`", "`"}}

// findQuotes finds out whether other marks stand for quotes: those that are around several
// cells of each line that comes next, as far as lines have been read: a live pipe is not
// waited for.
func (s *csvScanner) findQuotes() {
	s.quotesKnown = true
	lines := strings.FieldsFunc(string(s.buf[s.pos:min(len(s.buf), s.pos+headBytes)]), func(r rune) bool { return r == '\r' || r == '\n' })
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	if n := len(lines); !errors.Is(s.err, io.EOF) && n > 1 {
		lines = lines[:n-1] // the last one may be cut
	}
	lines = lines[:min(len(lines), maxTitleRows)]
	for _, marks := range otherQuotes {
		if s.sep != 0 && len(lines) > 0 && !slices.ContainsFunc(lines, func(line string) bool { return s.countQuoted(line, marks) < 2 }) {
			s.quotes = marks
			return
		}
	}
}

// countQuoted returns how many cells of a line seem to stand between marks.
func (s *csvScanner) countQuoted(line string, marks [2]string) int {
	sep := string(rune(s.sep))
	begins := strings.Count(sep+line, sep+marks[0])
	ends := strings.Count(line+sep, marks[1]+sep)
	if begins != ends {
		return 0
	}
	return begins
}

// requoted returns a line with quotes in place of the marks that stand for them. It returns
// the line itself if marks are around a part of a cell.
func (s *csvScanner) requoted(line []byte) []byte {
	if s.quotes[0] == "" || s.countQuoted(string(line), s.quotes) == 0 {
		return line
	}
	sep := []byte{s.sep}
	line = slices.Concat(sep, line, sep)
	line = bytes.ReplaceAll(line, append([]byte{s.sep}, s.quotes[0]...), []byte{s.sep, '"'})
	line = bytes.ReplaceAll(line, append([]byte(s.quotes[1]), s.sep), []byte{'"', s.sep})
	return line[1 : len(line)-1]
}

// rowCount is what a database's terminal writes below the rows.
var rowCount = regexp.MustCompile(`^\(?[0-9]+ rows?( affected| selected\.?| in set.*)?\)?$`)

// isRemark reports whether a row is no product: a comment, in a file that begins with
// comments, or the number of rows below a database's answer.
func (s *headedSource) isRemark(cells []string) bool {
	first := strings.TrimSpace(cells[0])
	alone := len(s.names) > 1 && filled(cells) == 1
	if comment, ok := strings.CutPrefix(first, "#"); ok && s.comments && !number.MatchString(strings.TrimSpace(comment)) {
		return alone || strings.HasPrefix(comment, " ") || strings.HasPrefix(comment, "#") // "#A-12" is a key
	}
	return alone && rowCount.MatchString(strings.TrimSpace(strings.Join(cells, "")))
}
