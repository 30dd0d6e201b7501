package auth

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// parseCaps returns caps as a file gives them: 0 if it says nothing, below 0 for none.
func parseCaps(value *yaml.Node) (caps catalog.Caps, err error) {
	if value.Kind != yaml.MappingNode {
		return caps, errors.New("caps: names and numbers are expected, such as {items_per_day: 100000}")
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		c, ok := catalog.CapNamed(value.Content[i].Value)
		if !ok || caps[c] != 0 {
			return caps, fmt.Errorf("caps: name unknown or given twice in line %d: the caps are %s", value.Content[i].Line, capList())
		}
		if caps[c], err = ParseCap(value.Content[i+1].Value); err != nil {
			return caps, fmt.Errorf("caps: %v: %w", c, err)
		}
	}
	return caps, nil
}

// ParseCap reads a cap as files and flags have it. It returns a number below 0 for none.
func ParseCap(text string) (int64, error) {
	if text == noCap {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > maxCap {
		return 0, fmt.Errorf("a number from 1 to %d is expected, or %s", int64(maxCap), noCap)
	}
	return n, nil
}

// maxCap keeps sums of caps away from the end of numbers.
const maxCap = 1e15

func capList() string {
	var names []string
	for c := range catalog.NumCaps {
		names = append(names, c.String())
	}
	return strings.Join(names, ", ")
}

// merged returns the caps in force of a caller: its own, else those of all.
func merged(own, all catalog.Caps) catalog.Caps {
	for c := range own {
		switch {
		case own[c] == 0:
			own[c] = all[c]
		case own[c] < 0:
			own[c] = 0
		}
	}
	return own
}
