package table

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// numberFormat is what matters of the format in which a workbook shows a number.
type numberFormat struct {
	date, clock      bool // it shows a day, a time of day
	elapsed          bool // it shows hours that have passed, which may be over 24
	digits, decimals int  // it shows at least so many of them, filled up with zeros
}

// builtinFormat returns what matters of a format that has a number and no code.
func builtinFormat(id int) string {
	switch {
	case id == 1, id == 3, id == 37, id == 38:
		return "0"
	case id == 2, id == 4, id == 39, id == 40:
		return "0.00"
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id >= 50 && id <= 58, id == 36:
		return "d"
	case id == 22:
		return "d h"
	case id == 46:
		return "[h]"
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47:
		return "h"
	}
	return ""
}

var (
	// plainNumberFormat shows a number and nothing else.
	plainNumberFormat = regexp.MustCompile(`^[#,]*(0*)(?:\.(0*)#*)?$`)
	// literals are what a format shows as it is, conditions and colours. What has passed,
	// such as [hh], is none of them.
	literals = regexp.MustCompile(`(?i)"[^"]*"?|\\.|[_*].|\[[^\]]*[^\]hms][^\]]*\]?`)
)

// maxZeros is how many zeros a number is filled up with at most: a format has 255 characters.
const maxZeros = 255

// formatOf returns a format by its number and, if the workbook defines it, its code.
func formatOf(id int, code string) numberFormat {
	if code == "" {
		code = builtinFormat(id)
	}
	code, _, _ = strings.Cut(code, ";")
	if plain := plainNumberFormat.FindStringSubmatch(code); plain != nil {
		return numberFormat{digits: min(len(plain[1]), maxZeros), decimals: min(len(plain[2]), maxZeros)}
	}
	code = strings.ToLower(literals.ReplaceAllString(code, ""))
	if strings.Contains(code, "general") {
		return numberFormat{}
	}
	return numberFormat{date: strings.ContainsAny(code, "yd"), clock: strings.ContainsAny(code, "hs"), elapsed: strings.Contains(code, "[h")}
}

// text returns a number as text: a date in ISO 8601, other numbers in all their digits and
// with the zeros that are shown, without signs between them, exponents and units. Fractions
// are rounded to the 15 digits that spreadsheets have.
func (f numberFormat) text(value string, from1904 bool) string {
	value = strings.TrimSpace(value)
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return value
	}
	if (f.date || f.clock) && n >= 0 && n < 2_958_466 { // the year 9999 ends
		return f.moment(n, from1904)
	}
	if strings.ContainsAny(value, ".eE") {
		rounded, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 15, 64), 64)
		value = strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return f.fill(value)
}

// fill adds the zeros that are shown to a number without an exponent.
func (f numberFormat) fill(value string) string {
	whole, fraction, point := strings.Cut(value, ".")
	if strings.Trim(whole, "0123456789") == "" && f.digits > len(whole) {
		whole = strings.Repeat("0", f.digits-len(whole)) + whole
	}
	if missing := f.decimals - len(fraction); missing > 0 {
		return whole + "." + fraction + strings.Repeat("0", missing)
	}
	if point {
		whole += "."
	}
	return whole + fraction
}

// moment returns the time that is n days after the epoch.
func (f numberFormat) moment(n float64, from1904 bool) string {
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case from1904:
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case n < 60: // the format has a 29 February 1900
		start = start.AddDate(0, 0, 1)
	}
	days, fraction := math.Modf(n)
	at := start.AddDate(0, 0, int(days)).Add(time.Duration(math.Round(fraction*86_400)) * time.Second)
	switch {
	case !f.date && f.elapsed:
		seconds := int64(math.Round(n * 86_400))
		return fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	case !f.date:
		return at.Format(time.TimeOnly)
	case f.clock && fraction != 0:
		return at.Format(time.DateTime)
	}
	return at.Format(time.DateOnly)
}
