package table

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// gap is what stands between the columns of a table that is aligned by blanks.
var gap = regexp.MustCompile(`[ \t]{2,}|\t`)

// findGaps finds out whether blanks alone separate the values: with them the line has
// several known names.
func (s *csvScanner) findGaps(line string) bool {
	const several = 2
	line = strings.TrimRight(line, " \t")
	names := gap.Split(strings.TrimLeft(line, " \t"), -1)
	if knownNames(names) < several {
		return false
	}
	at := 0
	for _, name := range names {
		at += strings.Index(line[at:], name)
		s.columns = append(s.columns, utf8.RuneCountInString(line[:at]))
		at += len(name)
	}
	return true
}

// splitAligned cuts a line of a table that is aligned by blanks. Where a cell is empty, the
// others belong to the columns below whose names they stand.
func (s *csvScanner) splitAligned(line string) []string {
	line = strings.TrimRight(line, " \t")
	parts := gap.Split(strings.TrimLeft(line, " \t"), -1)
	if len(parts) == len(s.columns) {
		return parts
	}
	cells := make([]string, len(s.columns))
	at := 0
	for _, part := range parts {
		at += strings.Index(line[at:], part)
		begin := utf8.RuneCountInString(line[:at])
		at += len(part)
		i := s.columnBelow(begin, begin+utf8.RuneCountInString(part))
		cells[i] = strings.TrimSpace(cells[i] + "  " + part)
	}
	return cells
}

// columnBelow returns the column that has most of the places from begin to end.
func (s *csvScanner) columnBelow(begin, end int) int {
	best, most := 0, 0
	for i, from := range s.columns {
		to := end
		if i+1 < len(s.columns) {
			to = min(end, s.columns[i+1])
		}
		if i == 0 {
			from = 0
		}
		if n := to - max(begin, from); n > most {
			best, most = i, n
		}
	}
	return best
}
