package table

import (
	"bufio"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/credenza-dev/credenza/internal/catalog"
)

const (
	columnGap      = 2
	minColumnWidth = 4
	ellipsis       = "…"
)

// alignedEncoder pads values to columns by the width that a terminal gives them,
// so that names in any script line up. Rows wait until the first flush, which
// sets the widths.
type alignedEncoder struct {
	out    *bufio.Writer
	width  int
	whole  int        // columns at the beginning that are never cut
	rows   [][]string // the header first; those that wait
	right  []bool     // columns of numbers
	widths []int      // nil before the first flush
}

func (e *alignedEncoder) header(columns []string) error {
	e.right = make([]bool, len(columns))
	e.rows = append(e.rows, clean(append([]string(nil), columns...)))
	return nil
}

func (e *alignedEncoder) row(values []Value) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = v.String()
		if v.Kind == Number && e.widths == nil {
			e.right[i] = true
		}
	}
	e.rows = append(e.rows, clean(cells))
	return nil
}

func (e *alignedEncoder) flush() error {
	if e.widths == nil {
		e.widths = layout(e.rows, e.width, e.whole)
	}
	for _, row := range e.rows {
		if _, err := e.out.WriteString(e.line(row)); err != nil {
			return err
		}
	}
	e.rows = e.rows[:0]
	return e.out.Flush()
}

func (e *alignedEncoder) line(row []string) string {
	var b strings.Builder
	for i, text := range row {
		if e.right[i] || i < e.whole { // a number that is cut is another number
			e.widths[i] = max(e.widths[i], uniseg.StringWidth(text))
		}
		text, used := clipWidth(text, e.widths[i])
		padding := strings.Repeat(" ", e.widths[i]-used)
		if i > 0 {
			b.WriteString(strings.Repeat(" ", columnGap))
		}
		if e.right[i] {
			b.WriteString(padding + text)
		} else {
			b.WriteString(text + padding)
		}
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// layout gives every column the width of its widest value. If a line is too short for
// that, it shortens the widest columns first, but for the first whole ones.
func layout(rows [][]string, most, whole int) []int {
	widths := make([]int, len(rows[0]))
	total := columnGap * (len(widths) - 1)
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(text))
		}
	}
	for _, w := range widths {
		total += w
	}
	for most > 0 && total > most && whole < len(widths) {
		widest := whole
		for i, w := range widths {
			if i > widest && w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= minColumnWidth {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// clipWidth returns the beginning of text that fits into width, and its width.
func clipWidth(text string, width int) (string, int) {
	full := uniseg.StringWidth(text)
	if full <= width {
		return text, full
	}
	end, used := 0, 0
	graphemes := uniseg.NewGraphemes(text)
	for graphemes.Next() {
		if used+graphemes.Width() > width-1 {
			break
		}
		used += graphemes.Width()
		_, end = graphemes.Positions()
	}
	return text[:end] + ellipsis, used + 1
}

func clean(cells []string) []string {
	for i, text := range cells {
		cells[i] = Printable(text)
	}
	return cells
}

// Printable returns s without what could control a terminal or reverse its text, since
// product names come from untrusted files: escape sequences as a whole, and single
// characters. Line ends and tabs become spaces.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, catalog.WithoutEscapes(s))
}
