package prompt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

const good = `{"category":"BED","confidence":0.9,"primary_style":"SHABBY_CHIC","secondary_style":"RUSTIC",` +
	`"style_tags":["white","worn","soft"],"placement_tags":["bedroom","guest room"],"reasoning":"A frame."}`

// other is another answer, which must not be taken for the one that counts.
const other = `{"category":"SOFA","confidence":0.2,"primary_style":"MODERN"}`

// encoded returns a text as a JSON string.
func encoded(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// pythonic returns JSON with single quotes.
func pythonic(text string) string { return strings.ReplaceAll(text, `"`, `'`) }

func TestParse_Accepts(t *testing.T) {
	base := catalog.Classification{
		Category: "BED", Confidence: 0.9, ConfidenceSource: catalog.FromModel,
		PrimaryStyle: "SHABBY_CHIC", SecondaryStyle: "RUSTIC",
		StyleTags: []string{"white", "worn", "soft"}, PlacementTags: []string{"bedroom", "guest room"},
		Reasoning: "A frame.",
	}
	with := func(change func(*catalog.Classification)) catalog.Classification {
		v := base
		change(&v)
		return v
	}
	replace := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	noSecond := with(func(v *catalog.Classification) { v.SecondaryStyle = "" })
	confidence := func(c float64) catalog.Classification {
		return with(func(v *catalog.Classification) { v.Confidence = c })
	}
	unknown := with(func(v *catalog.Classification) { v.Confidence, v.ConfidenceSource = 0, catalog.NoConfidence })
	tests := map[string]struct {
		reply string
		want  catalog.Classification
	}{
		"as asked":              {good, base},
		"alternatives, comma":   {strings.TrimSuffix(good, "}") + `,"alternatives":[` + other + `],}`, base},
		"alternatives, cut off": {strings.TrimSuffix(good, "}") + `,"alternatives":[` + other + `]`, base},
		"white space":           {"\n  " + good + "\n", base},
		"code fence":            {"```json\n" + good + "\n```", base},
		"prose around":          {"Sure! Here {you} are:\n" + good + "\nAnything else? }", base},
		"prose that opens":      {"So { here it is: " + good, base},
		"think section":         {"<think>maybe {\"category\":\"SOFA\"}?</think>\n" + good, base},
		"in a list":             {"[" + good + "]", base},
		"braces in a string":    {"x " + replace("A frame.", `A \"frame\" } {`), with(func(v *catalog.Classification) { v.Reasoning = `A "frame" } {` })},
		"lower case":            {replace(`"BED"`, `"bed"`), base},
		"hyphen":                {replace(`SHABBY_CHIC`, `Shabby-Chic`), base},
		"space":                 {replace(`SHABBY_CHIC`, `shabby chic`), base},
		"no second style":       {replace(`"RUSTIC"`, `null`), noSecond},
		"second style none":     {replace(`"RUSTIC"`, `"None"`), noSecond},
		"second as the first":   {replace(`"RUSTIC"`, `"shabby chic"`), noSecond},
		"percentage":            {replace("0.9", "85"), confidence(0.85)},
		"percentage in words":   {replace("0.9", `"85 %"`), confidence(0.85)},
		"one per cent":          {replace("0.9", `"1%"`), confidence(0.01)},
		"confidence in quotes":  {replace("0.9", `"0.4"`), confidence(0.4)},
		"certain":               {replace("0.9", "1"), confidence(1)},
		"no confidence at all":  {replace("0.9", "0"), confidence(0)},
		"more tags than asked":  {replace(`"soft"`, `"soft","a","b","c"`), with(func(v *catalog.Classification) { v.StyleTags = []string{"white", "worn", "soft", "a", "b"} })},
		"doubled, empty, quote": {replace(`"soft"`, `" White ","","'soft'"`), base},
		"tags in one string":    {replace(`["bedroom","guest room"]`, `"bedroom, guest room"`), base},
		"tags null":             {replace(`["bedroom","guest room"]`, `null`), with(func(v *catalog.Classification) { v.PlacementTags = []string{} })},
		"tags a number":         {replace(`["bedroom","guest room"]`, `7`), with(func(v *catalog.Classification) { v.PlacementTags = []string{} })},
		"tags of all types":     {replace(`["bedroom","guest room"]`, `["bedroom",7,null,["guest room"],{"a":1}]`), base},
		"a numbered name":       {replace(`"BED"`, `"2. Bed"`), base},
		"a name with a label":   {replace(`"BED"`, `"Category: BED."`), base},
		"a name with marks":     {replace(`"BED"`, `"**BED**"`), base},
		"other member names":    {strings.ReplaceAll(good, `_s`, `S`), base},
		"member names in words": {strings.ReplaceAll(good, `"primary_style"`, `"Primary Style"`), base},
		"single quotes":         {pythonic(good), base},
		"names without quotes":  {regexp.MustCompile(`"(\w+)":`).ReplaceAllString(good, "$1: "), base},
		"not a number":          {replace("0.9", "NaN"), unknown},
		"as Python prints it":   {strings.ReplaceAll(replace(`"A frame."`, `'It\'s a "frame".'`), `"RUSTIC"`, `None`), with(func(v *catalog.Classification) { v.SecondaryStyle, v.Reasoning = "", `It's a "frame".` })},
		"quotes as in YAML":     {strings.ReplaceAll(replace(`"A frame."`, `'It''s a frame.'`), `"BED"`, `'BED'`), with(func(v *catalog.Classification) { v.Reasoning = "It's a frame." })},
		"no quotes at all":      {strings.ReplaceAll(good, `"`, ``), base},
		"no quotes, with lines": {strings.NewReplacer(`"`, ``, `:`, ` : `, `,`, ",\r\n ").Replace(good), base},
		"Python in a result":    {pythonic(`{'result': [` + good + `]}`), base},
		"Python after {prose}":  {"So {this} it is: " + pythonic(good) + " {done}", base},
		"Python twice the same": {pythonic(good + "\n" + good), base},
		"a comma in Python":     {strings.ReplaceAll(pythonic(good), `]`, `, ]`), base},
		"a member twice":        {replace(`"category":"BED",`, `"category":"BED","category":"BED","Category":"","confidence":null,"style_tags":[],`), base},
		"the last in JSON":      {replace(`"category"`, `"category":"SOFA","category"`), base},
		"the last of one name":  {strings.ReplaceAll(replace(`"primary_style"`, `"primary_style":"RUSTIC","primary_style"`), `_s`, `S`), base},
		"notes that differ":     {`{"reasoning":"Hm.","Reasoning":"Ah."} ` + good, base},
		"a member unused later": {replace(`"reasoning"`, `"confidence":"high","style_tags":[],"placement_tags":null,"category":"","reasoning"`), base},
		"a name twice":          {strings.ReplaceAll(replace(`"primary_style"`, `"primaryStyle":"SHABBY_CHIC","Primary Style"`), `_s`, `S`), base},
		"long as \\u escapes":   {strings.TrimSuffix(replace("A frame.", strings.Repeat(`\u0041`, 1000)), "}"), with(func(v *catalog.Classification) { v.Reasoning = strings.Repeat("A", 1000) })},
		"without a last brace":  {strings.TrimSuffix(good, "}"), base},
		"escaped once more":     {strings.ReplaceAll(good, `"`, `\"`), base},
		"escaped for HTML":      {strings.ReplaceAll(good, `"`, `&quot;`), base},
		"quotes of typesetting": {strings.Replace(good, `"BED"`, `“BED”`, 1), base},
		"a string in a list":    {"[" + encoded(good) + "]", base},
		"thoughts of Cohere":    {"<|START_THINKING|>" + other + "<|END_THINKING|><|START_RESPONSE|>" + good + "<|END_RESPONSE|>", base},
		"thoughts of OpenThink": {"<|begin_of_thought|>" + other + "<|end_of_thought|>" + good, base},
		"thoughts of Gemma":     {"<|channel>thought\n" + other + "<channel|>" + good, base},
		"thoughts of MedGemma":  {"<unused94>thought\n" + other + "<unused95>" + good, base},
		"thoughts of Ollama":    {"Thinking...\n" + other + "\n...done thinking.\n\n" + good, base},
		"lines in reasoning":    {replace("A frame.", `A\n\n frame.\u0000\u202e`), base},

		"a plural":              {replace(`"BED"`, `"Beds"`), base},
		"a name, explained":     {replace(`"BED"`, `"BED (platform)"`), base},
		"a name with a dash":    {replace(`"BED"`, `"Bed - a platform to sleep on"`), base},
		"a name with a colon":   {replace(`"SHABBY_CHIC"`, `"Shabby chic: worn"`), base},
		"a member of an enum":   {replace(`"BED"`, `"<Category.BED: 'BED'>"`), base},
		"accents":               {replace(`"BED"`, `"Béd"`), base},
		"wide letters":          {replace(`"BED"`, `"ＢＥＤ"`), base},
		"an invisible letter":   {replace(`"BED"`, "\"B\u200bED\""), base},
		"a name in an object":   {replace(`"BED"`, `{"name":"BED","confidence":0.9}`), base},
		"a value in an object":  {replace(`"SHABBY_CHIC"`, `{"value":"SHABBY_CHIC"}`), base},
		"no second style, long": {replace(`"RUSTIC"`, `"Not applicable"`), noSecond},
		"undefined":             {replace(`"RUSTIC"`, `undefined`), noSecond},
		"quotes in a text":      {replace("A frame", `A 72", wide "box" frame`), with(func(v *catalog.Classification) { v.Reasoning = `A 72", wide "box" frame.` })},
		"a quote at the end":    {replace("A frame.", `A "frame"`), with(func(v *catalog.Classification) { v.Reasoning = `A "frame"` })},
		"an apostrophe":         {strings.Replace(pythonic(good), "A frame", "It's a frame", 1), with(func(v *catalog.Classification) { v.Reasoning = "It's a frame." })},
		"a comment":             {replace(`"confidence"`, "// or {\"category\":\"SOFA\"}\n\"confidence\""), base},
		"a comment in a list":   {replace(`"worn"`, `/* how? */ "worn"`), base},
		"a comment of Python":   {replace(`"confidence"`, "# what it is\n\"confidence\""), base},
		"lines without commas":  {strings.ReplaceAll(replace(`"BED",`, "\"BED\"\n"), `0.9,`, "0.9\n"), base},
		"without a first brace": {good[1:], base},
		"without any brace":     {"json\n" + strings.Trim(good, "{}"), base},
		"wide punctuation":      {strings.NewReplacer(`":`, `"：`, `,"`, `，"`, "{", "｛").Replace(good), base},
		"lines escaped":         {strings.ReplaceAll(good, `,"`, `,\n  "`), base},
		"hard spaces":           {strings.ReplaceAll(good, `,"`, ",\n\u00a0\""), base},
		"the form, then it":     {`Form: {"category": "...", "confidence": 0.0, "primary_style": "..."} ` + good, base},
		"thoughts of Apertus":   {"<|inner_prefix|>" + other + "<|inner_suffix|>" + good, base},
		"thoughts of Granite":   {"Here is my thought process: " + other + "\nHere is my response: " + good, base},
		"thoughts on a page":    {"<details type=\"reasoning\">" + other + "</details>\n" + good, base},
		"thoughts with a space": {"<think>" + other + "</think >\n" + good, base},
		"a turn made up":        {good + "<|im_end|>\n<|im_start|>assistant\n<think></think>" + other, base},
		"a turn of the same":    {good + "</s>" + replace("A frame.", "Another frame."), base},
		"a question made up":    {good + "\nClassify this product:\n<product>\nname: Sofa\n</product>\n" + other, base},
		"a turn's end first":    {"</s>" + good, base},
		"an explanation behind": {good + "\n<reasoning>It has slats.</reasoning>", base},
		"details behind":        {"Here: " + good + "\n<details open>slats</details>", base},
		"the question, then it": {"Classify this product:\n<product>\nname: Sofa\nattributes: " + other + "\n</product>\n" + good, base},
		"between the marks":     {"<product>\n" + good + "\n</product>", base},
		"twice, surer":          {good + "\n" + replace("0.9", "0.95"), confidence(0.95)},

		"in a result":            {`{"result":` + good + `}`, base},
		"in a class., with more": {`{"id": 7, "classification": {"item": ` + good + `}, "note": "{}"}`, base},
		"in a list in a member":  {`{"items":[` + good + `]}`, base},
		"an object as category":  {`{"category":` + good + `}`, base},
		"as a string":            {encoded(good), base},
		"a string in a member":   {`{"output":` + encoded("```json\n"+good+"\n```") + `}`, base},
		"in two layers":          {encoded(`{"result":` + good + `}`), base},
		"channels":               {"<|channel|>analysis<|message|>Perhaps " + other + ".<|end|><|start|>assistant<|channel|>final<|message|>" + good + "<|return|>", base},
		"a constrained channel":  {"<|channel|>analysis<|message|>" + other + "<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>" + good, base},
		"channels without marks": {"analysisPerhaps " + other + ".assistantfinal" + good, base},
		"thoughts without start": {"maybe " + other + "</think>" + good, base},
		"a mark in the answer":   {replace("A frame.", "After </think>."), with(func(v *catalog.Classification) { v.Reasoning = "After </think>." })},
		"twice the same":         {good + "\n" + good, base},
		"twice in other spaces":  {good + "\n" + strings.ReplaceAll(replace("0.9", "0.90"), `":`, `": `), base},
		"twice in a list":        {"[" + good + "," + good + "]", base},
		"a comma at the end":     {strings.TrimSuffix(good, "}") + ",}", base},
		"commas in lists":        {"```\n" + replace(`"soft"]`, `"soft", ]`) + "\n```", base},
		"commas in texts":        {strings.TrimSuffix(replace("A frame.", `A \",} frame,]`), "}") + ", }", with(func(v *catalog.Classification) { v.Reasoning = `A ",} frame,]` })},
		"confidence over":        {replace("0.9", "1.5"), unknown},
		"confidence far over":    {replace("0.9", "101"), unknown},
		"confidence under":       {replace("0.9", "-0.1"), unknown},
		"confidence in words":    {replace("0.9", `"high"`), unknown},
		"confidence not a num.":  {replace("0.9", `"NaN"`), unknown},
		"confidence missing":     {replace(`"confidence":0.9,`, ``), unknown},
		"confidence null":        {replace("0.9", `null`), unknown},
		"confidence an object":   {replace("0.9", `{"value":0.9}`), unknown},
	}
	p := newPrompt(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := p.Parse(tt.reply)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("classification differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_Rejects(t *testing.T) {
	replace := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	tests := map[string]struct{ reply, want string }{
		"nothing":               {"", "empty"},
		"only thoughts":         {"<think>hm</think>", "empty"},
		"thoughts that go on":   {good + "<think>or " + other + "</think>", "empty"},
		"prose":                 {"It is a bed.", "no JSON object"},
		"cut off":               {good[:len(good)-20], "no JSON object"},
		"another object":        {`{"answer": 42}`, "category"},
		"two answers":           {good + "\n" + replace("BED", "SOFA"), "2 different answers"},
		"answers that differ":   {`{"a":` + good + `,"b":` + other + `}`, "2 different answers"},
		"two in Python":         {pythonic(good + "\n" + other), "2 different answers"},
		"two in a list":         {pythonic("[" + good + "," + other + "]"), "2 different answers"},
		"two as documents":      {"Not {category: SOFA}\n--- {category: BED, primary_style: RUSTIC}", "2 different answers"},
		"two, in capitals":      {replace(`"BED"`, `"BED","Category":"SOFA"`), "different values"},
		"two in other names":    {strings.ReplaceAll(replace(`"primary_style"`, `"Primary Style":"RUSTIC","primary_style"`), `_s`, `S`), "different values"},
		"two confidences":       {replace(`0.9`, `0.9,"Confidence":0.2`), "different values"},
		"two lists of tags":     {replace(`"placement_tags"`, `"STYLE_TAGS":["black","worn","soft"],"placement_tags"`), "different values"},
		"two, then an answer":   {replace(`0.9`, `0.9,"Confidence":0.2`) + other, "different values"},
		"two in a result":       {pythonic(`{"result":` + replace(`"BED"`, `"BED","category":"SOFA"`) + `}`), "different values"},
		"two in one Python":     {pythonic(replace(`"BED"`, `"BED","category":"SOFA"`)), "different values"},
		"two in results":        {`{"result":` + good + `,"result":` + other + `}`, "2 different answers"},
		"an alias":              {`{category: BED, primary_style: &a RUSTIC, secondary_style: *a}`, "no JSON object"},
		"a looping model":       {`{category: BED, primary_style: RUSTIC` + strings.Repeat(", tag", 4000) + `}`, "no JSON object"},
		"Python cut off":        {pythonic(good[:len(good)-4]), "no JSON object"},
		"Python too long":       {strings.TrimSuffix(pythonic(good), "}") + strings.Repeat(" ", 9<<10) + "}", "no JSON object"},
		"Python too deep":       {strings.Repeat(`{a:`, 9) + pythonic(good) + strings.Repeat("}", 9), "no JSON object"},
		"half an escape":        {pythonic(replace("A frame.", `\u00`)), "no JSON object"},
		"far too deep":          {strings.Repeat(`{"a":`, 9) + good + strings.Repeat("}", 9), "no JSON object"},
		"a broken comma":        {`{"category":,}`, "no JSON object"},
		"two names":             {replace(`"BED"`, `"BED or SOFA"`), "BED or SOFA"},
		"another, explained":    {replace(`"BED"`, `"BED (or a sofa)"`), "or a sofa"},
		"another in plural":     {replace(`"BED"`, `"BED: not for sofas"`), "not for sofas"},
		"a part of a name":      {replace(`"BED"`, `"BED frame"`), "BED frame"},
		"two in an object":      {replace(`"BED"`, `{"name":"BED","value":"SOFA"}`), "no JSON object"},
		"two by quotes":         {replace(`"BED"`, `"BED" or "SOFA"`), "SOFA"},
		"a comma, then another": {replace(`"BED"`, `"BED", "SOFA"`), "no JSON object"},
		"two with styles":       {good + replace("SHABBY_CHIC", "MODERN"), "2 different answers"},
		"only the form":         {`{"category": "...", "confidence": 0.0, "primary_style": "..."}`, `"..."`},
		"category not known":    {replace(`"BED"`, `"WARDROBE"`), "WARDROBE"},
		"category missing":      {replace(`"category":"BED",`, ``), "category"},
		"category a number":     {replace(`"BED"`, `3`), "no JSON object"},
		"style not known":       {replace(`SHABBY_CHIC`, `GOTHIC`), "GOTHIC"},
		"style null":            {replace(`"SHABBY_CHIC"`, `null`), "style"},
		"second style unknown":  {replace(`RUSTIC`, `GOTHIC`), "GOTHIC"},
		"far too long":          {good + strings.Repeat(" ", 64<<10), "bytes"},
		"only braces":           {strings.Repeat("{", 60<<10), "no JSON object"},
	}
	p := newPrompt(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := p.Parse(tt.reply)
			f, ok := errors.AsType[*fault.Fault](err)
			if !ok || f.Reason != fault.MalformedAnswer {
				t.Fatalf("error %v, want MALFORMED_ANSWER", err)
			}
			if !strings.Contains(f.Message, tt.want) {
				t.Errorf("message %q lacks %q", f.Message, tt.want)
			}
			if len(f.Message) > 300 {
				t.Errorf("message of %d bytes", len(f.Message))
			}
		})
	}
}

// TestParse_HostileReplies checks that memory is proportional to the reply, whatever is in it.
func TestParse_HostileReplies(t *testing.T) {
	const size, maxBytes = 60 << 10, 4 << 20
	fill := func(begin, repeated, end string) string {
		return begin + strings.Repeat(repeated, (size-len(begin)-len(end))/len(repeated)) + end
	}
	tests := map[string]string{
		"names repeated":          fill("{category: SOFA", ", a", "}"),
		"names with values":       fill("{category: SOFA", ", a: 1", "}"),
		"names with values, open": fill("{category: SOFA", ", a: 1", ""),
		"aliases":                 fill("{category: SOFA, primary_style: MODERN, a: &a "+strings.Repeat("x", size/3)+", b: [*a", ", *a", "]}"),
		"braces":                  fill("", "{", ""),
		"nested mappings":         fill("", "{a: ", ""),
		"nested objects":          fill("", `{"a":`, ""),
		"nested and closed":       strings.Repeat(`{"":`, size/5-1) + "{}" + strings.Repeat("}", size/5-1),
		"wrongly closed":          fill("", "{", "") + "]",
		"objects in strings":      encoded(encoded(encoded(fill("", `{"a":1}`, "")[:size/6]))),
		"nested lists":            fill("{a: ", "[", ""),
		"quotes":                  fill("", "{'", ""),
		"open strings":            fill("", `{"a`, ""),
		"open objects":            fill("", `{"a":1,`, ""),
		"objects":                 fill("", `{"a":{}}`, ""),
		"answers":                 fill("[", other+",", other+"]"),
		"escapes":                 fill("{'", `\"`, "'}"),
		"comments":                fill("{", "#\n", "}"),
		"comments after quotes":   fill("{", `"a /*`, ""),
		"quotes in a text":        fill(`{"a":"`, `x"y `, `"}`),
		"names, explained":        `{"category":"SOFA (` + strings.Repeat("a ", size/2-20) + `)","primary_style":"MODERN"}`,
	}
	p := newPrompt(t)
	for name, reply := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := p.Parse(reply)
			runtime.ReadMemStats(&after)
			if err != nil && !fault.Is(err, fault.MalformedAnswer) {
				t.Errorf("error %v, want MALFORMED_ANSWER or none", err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > maxBytes {
				t.Errorf("%d bytes were allocated for a reply of %d, want at most %d", n, len(reply), maxBytes)
			} else {
				t.Logf("%d KiB", n>>10)
			}
		})
	}
}

func TestParse_LimitsLengths(t *testing.T) {
	reply := fmt.Sprintf(`{"category":"BED","confidence":1,"primary_style":"MODERN","secondary_style":null,`+
		`"style_tags":[%q],"placement_tags":[],"reasoning":%q}`, strings.Repeat("é", 100), strings.Repeat("日本", 400))
	v, err := newPrompt(t).Parse(reply)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(v.Reasoning); n > 1000 || n < 990 || !utf8.ValidString(v.Reasoning) {
		t.Errorf("reasoning has %d bytes, valid %v", n, utf8.ValidString(v.Reasoning))
	}
	if n := len(v.StyleTags[0]); n != 60 || !utf8.ValidString(v.StyleTags[0]) {
		t.Errorf("tag has %d bytes", n)
	}
}

// FuzzParse checks that every reply gives a valid classification or a MalformedAnswer.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		good, "```json\n" + good + "```", "", "{", "}{", `{"category":"BED"}`, good + good,
		pythonic(good), strings.ReplaceAll(good, `"`, ``), `{'a\'b': [x, {c: "d\u00"}], 'category': None,`, good[:60] + good,
		strings.Replace(good, "0.9", "1e400", 1), strings.Replace(good, "white", `\ud800`, 1),
	} {
		f.Add(seed)
	}
	p := newPrompt(f)
	f.Fuzz(func(t *testing.T, reply string) {
		v, err := p.Parse(reply)
		if err != nil {
			if !fault.Is(err, fault.MalformedAnswer) {
				t.Errorf("error %v", err)
			}
			return
		}
		if v.Category == "" || v.PrimaryStyle == "" || !(v.Confidence >= 0 && v.Confidence <= 1) {
			t.Errorf("unsound classification %+v", v)
		}
		if len(v.StyleTags) > 5 || len(v.PlacementTags) > 3 || len(v.Reasoning) > 1000 || !utf8.ValidString(v.Reasoning) {
			t.Errorf("unbounded classification %+v", v)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	p := newPrompt(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Parse(good); err != nil {
			b.Fatal(err)
		}
	}
}
