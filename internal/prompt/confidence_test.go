package prompt_test

import (
	"iter"
	"math"
	"strings"
	"testing"
)

// tok is a token with its probability.
type tok struct {
	text string
	p    float64
}

func stream(tokens []tok, read *int) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, t := range tokens {
			*read++
			if !yield(t.text, math.Log(t.p)) {
				return
			}
		}
	}
}

func TestConfidence(t *testing.T) {
	tests := map[string]struct {
		category string
		tokens   []tok
		want     float64 // negative: not to be had
		read     int     // tokens
	}{
		"name of two tokens": {
			"STORAGE",
			[]tok{{`{"`, .9}, {`category`, .9}, {`":"`, .9}, {`ST`, .8}, {`ORAGE`, .5}, {`","`, .3}, {`x`, .1}},
			.4, 6,
		},
		"quotes joined with the name": {
			"SOFA",
			[]tok{{`{"category"`, .9}, {`: `, .9}, {`"SO`, .5}, {`FA",`, .5}, {`"`, .1}},
			.25, 4,
		},
		"one token for all": {
			"SOFA", []tok{{`{"category":"SOFA","confidence":1}`, .7}}, .7, 1,
		},
		"a longer name begins with it": {
			"BED", []tok{{`{"category":"`, .9}, {`BED`, .8}, {`","`, .5}}, .4, 3,
		},
		"the longer name": {
			"BEDDING", []tok{{`{"category":"`, .9}, {`BED`, .8}, {`DING`, .5}, {`","`, .5}}, .4, 4,
		},
		"key cut anywhere, spaces": {
			"SOFA", []tok{{"```json\n{ ", .9}, {`"cat`, .9}, {`egory`, .9}, {`"`, .9}, {" :\n", .9}, {`"`, .9}, {`sofa`, .6}, {`"`, .9}}, .6, 8,
		},
		"an earlier draft of another": {
			"SOFA", []tok{{`not {"category":"BED"} but {"category":"`, .9}, {`SOFA`, .5}, {`"}`, .9}}, .5, 3,
		},
		"a key that is no key": {
			"SOFA", []tok{{`"category" is {"category":"`, .9}, {`SOFA`, .5}, {`"}`, .9}}, .5, 3,
		},
		"just over certain": {
			"SOFA", []tok{{`{"category":"`, 1}, {`SOFA`, 1.0000001}, {`"}`, 1}}, 1, 3,
		},
		"impossible": {
			"SOFA", []tok{{`{"category":"`, 1}, {`SOFA`, 0}, {`"}`, 1}}, 0, 3,
		},
		"another name":   {"SOFA", []tok{{`{"category":"BED"}`, .9}}, -1, 1},
		"never closed":   {"SOFA", []tok{{`{"category":"SOFA`, .9}}, -1, 1},
		"no tokens":      {"SOFA", nil, -1, 0},
		"far too long":   {"SOFA", []tok{{strings.Repeat("x", 70<<10), 1}, {`{"category":"SOFA"}`, .9}}, -1, 1},
		"escaped quotes": {"SOFA", []tok{{`{\"category\": \"SOFA\"}`, .9}}, -1, 1},
	}
	p := newPrompt(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			read := 0
			got, ok := p.Confidence(tt.category, stream(tt.tokens, &read))
			if !ok {
				got = -1
			}
			if math.Abs(got-tt.want) > 1e-6 {
				t.Errorf("confidence %v, want %v", got, tt.want)
			}
			if read != tt.read {
				t.Errorf("%d tokens read, want %d", read, tt.read)
			}
		})
	}
}

// FuzzConfidence checks that no cutting of tokens changes or breaks anything.
func FuzzConfidence(f *testing.F) {
	f.Add(`{"category":"SOFA"}`, uint8(3))
	f.Add(`"category":"category":"BED"`, uint8(1))
	p := newPrompt(f)
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		step := int(size%16) + 1
		var tokens []tok
		for i := 0; i < len(text); i += step {
			tokens = append(tokens, tok{text[i:min(i+step, len(text))], 1})
		}
		read := 0
		cut, cutOK := p.Confidence("BED", stream(tokens, &read))
		whole, wholeOK := p.Confidence("BED", stream([]tok{{text, 1}}, &read))
		if cutOK != wholeOK || cut != whole {
			t.Errorf("cut %v %v, whole %v %v", cut, cutOK, whole, wholeOK)
		}
	})
}

func BenchmarkConfidence(b *testing.B) {
	p := newPrompt(b)
	tokens := []tok{{`{"`, .9}, {`category`, .9}, {`":"`, .9}, {`ST`, .8}, {`ORAGE`, .5}, {`","`, .3}, {`x`, .1}}
	read := 0
	b.ReportAllocs()
	for b.Loop() {
		p.Confidence("STORAGE", stream(tokens, &read))
	}
}
