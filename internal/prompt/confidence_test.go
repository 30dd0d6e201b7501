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

// stream is tokens with the likeliest ones at some places. It counts what is read.
type stream struct {
	tokens []tok
	top    map[string][]tok // by the token that was chosen
	read   int
}

func (s *stream) All() iter.Seq2[string, float64] { return yieldAll(s.tokens, &s.read) }

func (s *stream) Top(i int) iter.Seq2[string, float64] {
	return yieldAll(s.top[s.tokens[i].text], new(int))
}

func yieldAll(tokens []tok, read *int) iter.Seq2[string, float64] {
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
			"SOFA", []tok{{`{"category":"`, 1}, {`SOFA`, 0}, {`"}`, 1}}, -1, 3,
		},
		"not its own choice, by the first token": {
			"STORAGE", []tok{{`{"category":"`, 1}, {`ST`, .02}, {`ORAGE`, 1}, {`"`, 1}}, -1, 4,
		},
		"not its own choice, by the second token": {
			"STORAGE", []tok{{`{"category":"`, 1}, {`ST`, 1}, {`ORAGE`, .02}, {`"`, 1}}, -1, 4,
		},
		"unlikely, but its own choice": {
			"STORAGE", []tok{{`{"category":"`, 1}, {`ST`, .2}, {`ORAGE`, .2}, {`"`, 1}}, .04, 4,
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
			s := stream{tokens: tt.tokens}
			got, _, ok := p.Confidence(tt.category, &s)
			if !ok {
				got = -1
			}
			if math.Abs(got-tt.want) > 1e-6 {
				t.Errorf("confidence %v, want %v", got, tt.want)
			}
			if s.read != tt.read {
				t.Errorf("%d tokens read, want %d", s.read, tt.read)
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
		cut, _, cutOK := p.Confidence("BED", &stream{tokens: tokens})
		whole, _, wholeOK := p.Confidence("BED", &stream{tokens: []tok{{text, 1}}})
		if cutOK != wholeOK || cut != whole {
			t.Errorf("cut %v %v, whole %v %v", cut, cutOK, whole, wholeOK)
		}
	})
}

// TestConfidence_AmongTheNames has the likeliest tokens at each place.
func TestConfidence_AmongTheNames(t *testing.T) {
	usual := func(name ...string) []tok {
		tokens := []tok{{`{"category":"`, .9}}
		for _, text := range name {
			tokens = append(tokens, tok{text, .3})
		}
		return tokens
	}
	tests := map[string]struct {
		category string
		tokens   []tok
		top      map[string][]tok
		want     float64 // negative: not to be had
	}{
		"what is no name does not count": {
			"SOFA", usual("SOFA", `"`),
			map[string][]tok{"SOFA": {{"Couch", .5}, {"SOFA", .3}, {"STORAGE", .1}, {`"`, .1}}},
			.75,
		},
		"other spellings of the name do": {
			"SOFA", usual("SOFA", `"`),
			map[string][]tok{"SOFA": {{"Sofa", .5}, {"SOFA", .3}, {"SO", .1}, {"BED", .1}}},
			.9,
		},
		"the grammar's choice among names": {
			"BED", usual("BED", `"`),
			map[string][]tok{"BED": {{"SOFA", .6}, {"BED", .3}, {"x", .1}}, `"`: {{`"`, .3}, {"y", .6}}},
			1. / 3,
		},
		"a beginning of several is no choice": {
			"STORAGE", usual("STORAGE", `"`),
			map[string][]tok{"STORAGE": {{"STORAGE", .3}, {"S", .4}, {"SO", .3}}},
			.5,
		},
		"names that begin alike, by all of their tokens": {
			"STORAGE", usual("S", "TORAGE", `"`),
			map[string][]tok{"S": {{"S", .3}, {"BED", .1}}, "TORAGE": {{"TORAGE", .3}, {"OFA", .3}}},
			.75 * .5,
		},
		"the end of a name that another begins with": {
			"BED", usual("BED", `","`),
			map[string][]tok{"BED": {{"BED", .3}}, `","`: {{`","`, .3}, {`",`, .1}, {`"`, .1}, {"DING", .5}, {"room", .1}}},
			.3 * .5,
		},
		"the longer one": {
			"BEDDING", usual("BED", "DING", `"`),
			map[string][]tok{"BED": {{"BED", .3}, {"BE", .1}}, "DING": {{"DING", .3}, {`"`, .1}, {"D", .2}}},
			.5 / .6,
		},
		"a token with the quote": {
			"SOFA",
			[]tok{{`{"category":`, 1}, {` "SO`, .4}, {`FA"`, .9}},
			map[string][]tok{` "SO`: {{` "SO`, .4}, {`"SO`, .3}, {` "BED`, .1}, {` "`, .2}}},
			.8 * .9,
		},
		"from before the grammar": {
			"SOFA", usual("SOFA", `"`),
			map[string][]tok{"SOFA": {{"The", .9}, {"SOFA", .3}}},
			1,
		},
		"what the grammar let through": {
			"SOFA",
			[]tok{{`{"category":"`, 1}, {"SOFA", .01}, {`"`, 1}},
			map[string][]tok{"SOFA": {{"The", .9}, {"BED", .02}, {"It", .01}}},
			-1,
		},
		"a choice outside the likeliest": {
			"SOFA",
			[]tok{{`{"category":"`, 1}, {"SOFA", .01}, {`"`, 1}},
			map[string][]tok{"SOFA": {{"BED", .79}, {"STORAGE", .2}}},
			.01,
		},
		"only itself": {
			"SOFA", usual("SOFA", `"`), map[string][]tok{"SOFA": {{"SOFA", .3}}}, .3,
		},
		"impossible alternatives": {
			"SOFA", usual("SOFA", `"`), map[string][]tok{"SOFA": {{"SOFA", .3}, {"BED", 0}, {"x", math.NaN()}}}, 1,
		},
	}
	p := newPrompt(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, _, ok := p.Confidence(tt.category, &stream{tokens: tt.tokens, top: tt.top})
			if !ok {
				got = -1
			}
			if math.Abs(got-tt.want) > 1e-6 {
				t.Errorf("confidence %v, want %v", got, tt.want)
			}
		})
	}
}

func BenchmarkConfidence(b *testing.B) {
	p := newPrompt(b)
	tokens := []tok{{`{"`, .9}, {`category`, .9}, {`":"`, .9}, {`ST`, .8}, {`ORAGE`, .5}, {`","`, .3}, {`x`, .1}}
	for name, top := range map[string]map[string][]tok{
		"plain": nil,
		"top":   {"ST": {{"ST", .8}, {"SO", .1}, {"BED", .05}, {"x", .01}, {"y", .01}}, "ORAGE": {{"ORAGE", .5}, {"OR", .1}, {"x", .1}, {"y", .1}, {"z", .1}}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Confidence("STORAGE", &stream{tokens: tokens, top: top})
			}
		})
	}
}
