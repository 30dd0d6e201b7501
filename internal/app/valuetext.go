package app

import "regexp"

// parserTexts are texts of the parser about a value, and what is said in their place.
var parserTexts = []struct {
	text *regexp.Regexp
	say  string
}{
	// `--batch-size -1` and `--limit=-1`: the parser's advice is wrong or missing.
	{regexp.MustCompile(`^(\S+): expected .* but got "(-[0-9.][^"]*)"(.*; perhaps try .*)?$`), "$1 is $2: give no negative number"},
	{regexp.MustCompile(`^(\S+): expected duration but got ("[^"]*").*$`), "$1 is $2: give a time with its unit, such as 30s or 5m"},
	{regexp.MustCompile(`^(\S+): expected a valid \d+ bit u?int but got ("[^"]*").*$`), "$1 is $2: give a whole number"},
	{regexp.MustCompile(`^(\S+): bool value must be .* but got ("[^"]*")$`), "$1 is $2: give true or false"},
	{regexp.MustCompile(`^(\S+): expected a float but got ("[^"]*").*$`), "$1 is $2: give a number, such as 0.5"},
}

// PlainValueError returns a text of the parser about a value, such as `--limit: expected ...`,
// in plain words and with what to give. Other texts are returned unchanged.
func PlainValueError(text string) string {
	for _, t := range parserTexts {
		text = t.text.ReplaceAllString(text, t.say)
	}
	return text
}
