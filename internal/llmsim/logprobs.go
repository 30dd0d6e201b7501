package llmsim

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// appendLogprobs appends the logprobs object of an answer: its content cut into
// tokens, each with the logarithm of its probability. What is forced by the
// schema is almost certain; the first token of a choice carries the model's
// doubt, and its alternatives are the other choices' first tokens.
func appendLogprobs(dst, content []byte, spans []span, subject uint64, top int) []byte {
	d := newDice(subject, 1)
	dst = append(dst, `{"content":[`...)
	for start := 0; start < len(content); {
		for len(spans) > 0 && spans[0].end <= start {
			spans = spans[1:]
		}
		token := content[start : start+tokenLength(content[start:])]
		if start > 0 {
			dst = append(dst, ',')
		}
		if len(spans) > 0 && start == decisive(spans[0].start, content) {
			dst = appendChoice(dst, token, spans[0], &d, top)
		} else {
			p := 1 - 0.001*d.float()
			dst = appendToken(dst, token, math.Log(p), top > 0)
		}
		start += len(token)
	}
	return append(dst, `],"refusal":null}`...)
}

// decisive is where a choice's first token starts: after the quote of a string.
func decisive(start int, content []byte) int {
	if start < len(content) && content[start] == '"' {
		return start + 1
	}
	return start
}

// appendChoice appends a choice's first token with a probability from 0.35 to
// almost 1, mostly high, and up to top alternatives that share most of the rest.
func appendChoice(dst, token []byte, s span, d *dice, top int) []byte {
	p := 0.35 + 0.649*math.Sqrt(d.float())
	dst = appendTokenHead(dst, token, math.Log(p))
	dst = append(dst, `,"top_logprobs":[`...)
	left := 1 - p
	for i := 0; i < min(top, len(s.node.choices)); i++ {
		alternative := token
		if i > 0 {
			choice := s.node.choices[(s.choice+i)%len(s.node.choices)]
			choice = choice[decisive(0, choice):]
			alternative = choice[:tokenLength(choice)]
			if bytes.Equal(alternative, token) {
				continue
			}
			p = left * 0.6
			left -= p
			dst = append(dst, ',')
		}
		dst = append(appendTokenHead(dst, alternative, math.Log(p)), '}')
	}
	return append(dst, "]}"...)
}

// appendToken appends a token without alternatives; asked for them, it is its own.
func appendToken(dst, token []byte, logprob float64, listed bool) []byte {
	dst = appendTokenHead(dst, token, logprob)
	dst = append(dst, `,"top_logprobs":[`...)
	if listed {
		dst = append(appendTokenHead(dst, token, logprob), '}')
	}
	return append(dst, "]}"...)
}

func appendTokenHead(dst, token []byte, logprob float64) []byte {
	dst = append(dst, `{"token":"`...)
	dst = appendEscaped(dst, token)
	dst = append(dst, `","logprob":`...)
	dst = strconv.AppendFloat(dst, logprob, 'f', 6, 64)
	dst = append(dst, `,"bytes":[`...)
	for i, b := range token {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, ']')
}

// The longest runs that make one token, in bytes.
const (
	maxWordToken  = 6
	maxPunctToken = 4
)

// tokenLength returns the length of the text's first token: part of a word, with
// the space or underscore before it, a run of punctuation, or one other rune.
func tokenLength(text []byte) int {
	if text[0] >= utf8.RuneSelf {
		_, n := utf8.DecodeRune(text)
		return n
	}
	n := 0
	if text[0] == ' ' || text[0] == '_' {
		n = 1
	}
	if n < len(text) && isWord(text[n]) {
		for n < len(text) && n < maxWordToken && isWord(text[n]) {
			n++
		}
		return n
	}
	for n = 1; n < len(text) && n < maxPunctToken && isPunct(text[n]); n++ {
	}
	return n
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isPunct(c byte) bool {
	return c > ' ' && c < utf8.RuneSelf && c != '_' && !isWord(c)
}
