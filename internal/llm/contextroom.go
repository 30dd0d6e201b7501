package llm

import (
	"regexp"
	"strconv"
	"strings"
)

// The words for a model's context, and for what the question takes of it: "(2600 in the
// messages", "your prompt has 3200 tokens".
var (
	contextNumber = anyOf(
		`(?i)(?:context (?:length|window|size)(?: is| of)?(?: only)?|maximum of|must be <=|n_ctx[^0-9]*) ?\(?(\d{3,9})`,
		`\+ \d{1,9} > (\d{3,9})`,
	)
	questionNumber = anyOf(
		`(?i)\(?(\d{1,9})(?: tokens)? (?:in|from|of) (?:the |your )?(?:messages|input|prompt)`,
		`(?:prompt|input|messages)[^0-9]{1,40}?(\d{2,9}) tokens`,
		`request has (\d{2,9}) input tokens`,
		`request \((\d{2,9}) tokens\)`,
		`given: (\d{1,9}) .inputs. tokens`,
		`(\d{1,9}) \+ \d{1,9} >`,
	)
)

// tooLongWords are those for a question that is too long by itself.
var tooLongWords = []string{
	"prompt is too long", "input is too long", "input token count", "prompt token count", "maximum prompt length", "range of input length",
	"exceeds max length", "input tokens exceed", "too large for model with", "size limit exceeded by", "trying to keep the first",
	"must have less than", "maximum number of input tokens",
}

// negativeRoom is how vLLM says that the question alone is longer than the context.
const negativeRoom = "at least 1, got -"

// contextRoom returns how many tokens an answer may have in addition to this question, 0 if the
// words do not say, and less if the question alone is too long.
func (e *serverError) contextRoom() int {
	context := numberIn(contextNumber, e.message)
	question := numberIn(questionNumber, e.message)
	switch {
	case strings.Contains(e.message, negativeRoom), anyIn(strings.ToLower(e.message), tooLongWords):
		return -1
	case context == 0 || question == 0:
		return 0
	case question >= context:
		return -1
	}
	return context - question
}

// overLimit matches the words for one question that takes more than the quota of a minute.
var overLimit = regexp.MustCompile(`(?i)limit:? (\d{1,9})[^0-9]{1,20}requested:? (\d{1,9})`)

// excess returns how many tokens this question has more than a quota allows at all, 0 if the
// words do not say: no wait helps then.
func (e *serverError) excess() int {
	m := overLimit.FindStringSubmatch(e.message)
	if m == nil {
		return 0
	}
	limit, _ := strconv.Atoi(m[1]) // digits
	requested, _ := strconv.Atoi(m[2])
	return max(requested-limit, 0)
}

// numberIn returns the first number that a group of the expression matched, 0 for none.
func numberIn(re *regexp.Regexp, text string) int {
	for i, m := range re.FindStringSubmatch(text) {
		if n, err := strconv.Atoi(m); i > 0 && err == nil {
			return n
		}
	}
	return 0
}
