package table

import "strings"

// csvLine is one row of CSV, cut into cells.
type csvLine struct {
	scanner *csvScanner
	text    string
	// lines has quotes go over line ends. Otherwise a quote that is open at the end is
	// a character like any other.
	lines bool

	cells  []string
	open   bool // a quote was open at the end
	stray  bool // that quote had others behind it, so that it hardly opened a cell
	nested bool // within a quote that goes over lines, a cell seems to begin

	nestedLine int // where the line of that cell begins
}

func (l *csvLine) parse() {
	sep := l.scanner.sep
	l.cells = make([]string, 0, max(1, l.scanner.want))
	for at := 0; ; {
		cell, end := l.cell(at)
		l.cells = append(l.cells, cell)
		if end >= len(l.text) || sep == 0 {
			return
		}
		at = end + 1 // behind the separator
	}
}

// cell returns the cell that begins at a place, and where it ends: at a separator or at
// the row's end.
func (l *csvLine) cell(at int) (string, int) {
	quote := skipBlanks(l.text, at, l.scanner.sep)
	if quote < len(l.text) && l.text[quote] == '"' {
		if cell, end, ok := l.quoted(quote + 1); ok {
			return cell, end
		}
		if l.lines {
			return l.text[at:], len(l.text)
		}
	}
	end := len(l.text)
	if sep := l.scanner.sep; sep != 0 {
		if i := strings.IndexByte(l.text[at:], sep); i >= 0 {
			end = at + i
		}
	}
	return l.text[at:end], end
}

// quoted reads a cell from behind its quote. It returns false if the quote is not
// closed.
func (l *csvLine) quoted(at int) (cell string, end int, ok bool) {
	var b []byte
	start, stray := at, false
	for {
		i := strings.IndexByte(l.text[at:], '"')
		if i < 0 {
			if !l.open { // the first one has all others behind it
				l.open, l.stray = true, stray
			}
			return "", 0, false
		}
		i += at
		end, ends := l.ends(i + 1)
		escaped := i > start && l.text[i-1] == '\\' && l.escapes(i, ends)
		if ends && !escaped && at == start {
			return l.text[start:i], end, true
		}
		b = append(b, l.text[at:i]...)
		switch {
		case escaped:
			l.scanner.backslash = true
			b = b[:len(b)-1]
			at = i + 1
		case ends:
			return string(b), end, true
		case l.text[i+1] == '"':
			at = i + 2
			if end, ends = l.ends(at); ends && stray {
				return string(append(b, '"')), end, true
			}
		default:
			stray = true
			l.note(start, i)
			at = i + 1
		}
		b = append(b, '"')
	}
}

// escapes reports whether the backslash in front of a quote makes it a character. In a
// file that doubles its quotes it is a character itself.
func (l *csvLine) escapes(quote int, ends bool) bool {
	if doubled := !ends && l.text[quote+1] == '"'; doubled {
		_, ends = l.ends(quote + 2)
		return ends && l.scanner.backslash
	}
	return !ends || l.scanner.backslash
}

// ends reports whether a cell ends at a place, spaces aside, and where.
func (l *csvLine) ends(at int) (int, bool) {
	at = skipBlanks(l.text, at, l.scanner.sep)
	return at, at == len(l.text) || l.text[at] == l.scanner.sep
}

// skipBlanks returns the first place from at on that has no space and no tab, or where such
// a separator stands.
func skipBlanks[T string | []byte](text T, at int, sep byte) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') && text[at] != sep {
		at++
	}
	return at
}

// note sets nested if the quote at a place, in a quote that began in an earlier line,
// looks like the beginning of a cell.
func (l *csvLine) note(start, quote int) {
	before := l.text[start:quote]
	line := 1 + strings.LastIndexAny(before, "\r\n")
	if l.nested || line == 0 {
		return
	}
	before = strings.TrimRight(before, " ")
	switch last := before[len(before)-1]; last {
	case l.scanner.sep, '\n', '\r':
		l.nested, l.nestedLine = true, start+line
	}
}
