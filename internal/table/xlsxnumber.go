package table

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// dateSystem is how a workbook counts days: true from 1904 on.
type dateSystem bool

// numberFormat is what matters of the format in which a workbook shows a number.
type numberFormat struct {
	date, clock bool // it shows a day, a time of day
	digits      int  // it shows at least so many digits, with zeros in front
}

// formatOf returns a format by its number and, if the workbook defines it, its code.
func formatOf(id int, code string) numberFormat {
	if code == "" {
		switch {
		case id >= 14 && id <= 17, id >= 27 && id <= 31, id >= 50 && id <= 58, id == 36:
			return numberFormat{date: true}
		case id == 22:
			return numberFormat{date: true, clock: true}
		case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47:
			return numberFormat{clock: true}
		}
		return numberFormat{}
	}
	code, _, _ = strings.Cut(code, ";")
	bare := withoutLiterals(code)
	if bare != "" && strings.Trim(bare, "0") == "" && bare == code {
		return numberFormat{digits: len(bare)}
	}
	bare = strings.ToLower(bare)
	if strings.Contains(bare, "general") {
		return numberFormat{}
	}
	return numberFormat{date: strings.ContainsAny(bare, "yd"), clock: strings.ContainsAny(bare, "hs")}
}

// withoutLiterals removes what a format shows as it is, and conditions and colours.
func withoutLiterals(code string) string {
	var b strings.Builder
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '"', '[':
			end := strings.IndexByte(code[i+1:], map[byte]byte{'"': '"', '[': ']'}[c])
			if end < 0 {
				return b.String()
			}
			if inner := strings.ToLower(code[i+1 : i+1+end]); c == '[' && strings.Trim(inner, "hms") == "" {
				b.WriteString(inner) // elapsed time
			}
			i += end + 1
		case '\\', '_', '*':
			i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// text returns a number as text: a date in ISO 8601, an article number with its zeros,
// and no exponents. Fractions are rounded to the 15 digits that spreadsheets show.
func (f numberFormat) text(value string, epoch dateSystem) string {
	value = strings.TrimSpace(value)
	n, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return value
	}
	if (f.date || f.clock) && n >= 0 && n < 2_958_466 { // the year 9999 ends
		return f.moment(n, epoch)
	}
	if strings.ContainsAny(value, ".eE") {
		rounded, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 15, 64), 64)
		value = strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	if missing := f.digits - len(value); missing > 0 && strings.Trim(value, "0123456789") == "" {
		value = strings.Repeat("0", missing) + value
	}
	return value
}

// moment returns the time that is n days after the epoch.
func (f numberFormat) moment(n float64, epoch dateSystem) string {
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case bool(epoch):
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case n < 60: // the format has a 29 February 1900
		start = start.AddDate(0, 0, 1)
	}
	days, fraction := math.Modf(n)
	at := start.AddDate(0, 0, int(days)).Add(time.Duration(math.Round(fraction*86_400)) * time.Second)
	switch {
	case !f.date:
		return at.Format("15:04:05")
	case f.clock && fraction != 0:
		return at.Format("2006-01-02 15:04:05")
	}
	return at.Format("2006-01-02")
}
