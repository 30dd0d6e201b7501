package catalog

import (
	"strconv"
	"strings"
)

// Count returns a number and its noun: "1 item", "3 items", "2 categories".
func Count[N int | int64](n N, noun string) string {
	if n != 1 {
		if stem, ok := strings.CutSuffix(noun, "ory"); ok {
			noun = stem + "orie"
		}
		noun += "s"
	}
	return strconv.FormatInt(int64(n), 10) + " " + noun
}
