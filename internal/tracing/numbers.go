package tracing

import (
	"fmt"
	"math"
	"os"
	"strconv"
)

// numbers are the variables whose numbers the SDK takes as they are: a queue of a negative
// length panics, a delay of 0 makes it export without a pause, and what is no number is its
// default without a word.
var numbers = []struct {
	variable    string
	least, most int
}{
	{"OTEL_BSP_SCHEDULE_DELAY", 1, math.MaxInt32},
	{"OTEL_BSP_EXPORT_TIMEOUT", 1, math.MaxInt32},
	{queueVariable, 1, maxQueue},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, maxQueue},
	{"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", -1, math.MaxInt32},
	{"OTEL_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_EVENT_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_LINK_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
}

// maxQueue bounds the spans that wait, each of which takes one or two KiB.
const maxQueue = 1_000_000

// checkNumbers refuses numbers that the SDK would stumble over, and what is no number.
func checkNumbers() error {
	for _, n := range numbers {
		value := os.Getenv(n.variable)
		if value == "" {
			continue
		}
		if got, err := strconv.Atoi(value); err != nil || got < n.least || got > n.most {
			return fmt.Errorf("%s is not a number from %d to %d: correct it", n.variable, n.least, n.most)
		}
	}
	return nil
}
