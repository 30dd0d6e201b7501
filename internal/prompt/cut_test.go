package prompt_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// TestParseCut_KeepsWhatIsWhole cuts an answer at each byte: what it then says is what the
// whole one says, or nothing.
func TestParseCut_KeepsWhatIsWhole(t *testing.T) {
	p := newPrompt(t)
	whole, err := p.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, reply := range map[string]string{
		"JSON": good, "Python": pythonic(good), "in a fence": "Here it is:\n```json\n" + good, "no quotes": strings.ReplaceAll(good, `"`, ``),
		"lines": strings.ReplaceAll(good, `,"`, ",\n\""),
	} {
		needed := strings.Index(reply, "secondary_style") // with the comma and the quote before it, it is clear that the primary one is whole
		for n := range len(reply) {
			v, err := p.ParseCut(reply[:n])
			switch {
			case err != nil && !fault.Is(err, fault.MalformedAnswer):
				t.Errorf("%s, %d bytes: error %v", name, n, err)
			case err != nil && n > needed:
				t.Errorf("%s, %d bytes: error %v, want an answer", name, n, err)
			case err == nil && n < needed-3:
				t.Errorf("%s, %d bytes: %+v, want an error", name, n, v)
			case err == nil && !keeps(&whole, &v):
				t.Errorf("%s, %d bytes differ (-whole +cut):\n%s", name, n, cmp.Diff(whole, v))
			}
		}
	}
}

// keeps reports whether all that a cut answer says is in the whole one.
func keeps(whole, cut *catalog.Classification) bool {
	same := *whole
	if cut.SecondaryStyle == "" {
		same.SecondaryStyle = ""
	}
	for _, list := range []struct{ whole, cut *[]string }{{&same.StyleTags, &cut.StyleTags}, {&same.PlacementTags, &cut.PlacementTags}} {
		if len(*list.cut) == 0 {
			*list.whole = *list.cut
		}
	}
	if cut.Reasoning == "" {
		same.Reasoning = ""
	}
	return cmp.Equal(same, *cut)
}

func TestParseCut_Rejects(t *testing.T) {
	p := newPrompt(t)
	for name, reply := range map[string]string{
		"two that differ":     good + other + good[:len(good)-5],
		"no style yet":        good[:20],
		"a name that goes on": `{category: BED, primary_style: RUST`,
		"in a result":         `{"result":` + good[:len(good)-5],
		"in a thought":        "<think>" + good[:len(good)-5] + "</think>",
	} {
		if v, err := p.ParseCut(reply); !fault.Is(err, fault.MalformedAnswer) {
			t.Errorf("%s: %+v, %v, want MALFORMED_ANSWER", name, v, err)
		}
	}
}
