package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/credenza-dev/credenza/internal/eval"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// The bed is a sofa by its label, so that something is wrong.
const labelled = "name,type,shop,label\n" +
	"Oak chair,Dining chair,north,CHAIR\n" +
	"Linen sofa,Sofa,north,sofa\n" +
	"Iron bed,Bed,south,SOFA\n" +
	",,south,BED\n"

func TestEvalFigures(t *testing.T) {
	got := credenzaWith(t, labelled, "eval", "-", "--json", "--by=Shop")
	got.expect(t, exitFailed, "") // since an item failed
	var report evalReport
	if err := json.Unmarshal([]byte(got.out), &report); err != nil {
		t.Fatal(err)
	}
	// CHAIR is right; SOFA has precision 1 and recall 1/2; BED is answered once, wrongly.
	want := eval.Scores{Items: 4, Answered: 3, Failed: 1, Correct: 2, Accuracy: 2.0 / 3, MacroF1: (1 + 2.0/3 + 0) / 3}
	if diff := cmp.Diff(want, report.Scores, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"INVALID_ITEM": 1}, report.FailuresByReason); diff != "" {
		t.Error(diff)
	}
	if len(report.Groups) != 2 || report.Groups[0].Name != "north" || report.Groups[0].Accuracy != 1 || report.Groups[1].Failed != 1 {
		t.Errorf("groups: %+v", report.Groups)
	}
	if report.Backend != "offline" || report.Taxonomy == "" {
		t.Errorf("the backend is not in the report: %+v", report)
	}
}

func TestEvalForPeople(t *testing.T) {
	path := write(t, "labelled.csv", labelled)
	confusion := filepath.Join(t.TempDir(), "confusion.csv")
	got := credenzaWith(t, "", "eval", path, "--by=shop", "--confusion", confusion)
	got.expect(t, exitFailed, "") // since an item failed
	for _, want := range []string{"66.7 %  (2 of 3)", "1 failed, in none of the figures: 1 INVALID_ITEM", "By shop", "north"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is missing in %s", want, got.out)
		}
	}
	data, err := os.ReadFile(confusion)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); !strings.HasPrefix(text, "label,SOFA,CHAIR,BED,") || !strings.Contains(text, "\nSOFA,1,0,1,0,") {
		t.Errorf("got %s", text)
	}
}

func TestEvalOfTheSampleAsTheReadmeHasIt(t *testing.T) {
	got := credenzaWith(t, "", "eval", "../../examples/labelled.csv", "--by", "room", "--json")
	got.expect(t, exitOK, "")
	var report evalReport
	if err := json.Unmarshal([]byte(got.out), &report); err != nil {
		t.Fatal(err)
	}
	if report.Items != 104 || report.Failed != 0 || report.Accuracy < 0.9 {
		t.Errorf("got %+v", report.Scores)
	}
	for _, c := range report.Categories {
		if c.Support == 0 {
			t.Errorf("the sample has nothing of %s", c.Name)
		}
	}
}

func TestEvalRefuses(t *testing.T) {
	path := write(t, "in.csv", "name,label\nOak chair,CHAIR\nStove,COOKER\n")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"an unknown label":      {[]string{path}, "credenza: " + path + ": line 3: the label \"COOKER\" is not a category of the taxonomy"},
		"a column not there":    {[]string{path, "--label=kind"}, "credenza: " + path + " has no column \"kind\": it has name, label"},
		"a group not there":     {[]string{path, "--by=shop"}, "has no column \"shop\""},
		"an exclusion in vain":  {[]string{path, "--exclude=lable"}, "has no column \"lable\""},
		"a matrix to nowhere":   {[]string{"../../examples/labelled.csv", "--confusion=/nowhere/c.csv"}, "the confusion matrix cannot be written"},
		"nothing to measure on": {[]string{write(t, "e.csv", "name,label\n")}, "has no rows"},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, "", append([]string{"eval"}, c.args...)...)
			got.expect(t, exitFailed, c.want)
			if got.out != "" {
				t.Errorf("printed %s", got.out)
			}
		})
	}
}

func TestEvalFindsWrongLabelsInAPipeOnTheWay(t *testing.T) {
	got := credenzaWith(t, "{\"name\":\"Oak chair\",\"label\":\"CHAIR\"}\n{\"name\":\"Bed\"}\n", "eval", "-")
	got.expect(t, exitFailed, "standard input: line 2: the label \"\" is not a category")
}

func TestEvalFindsMisspeltColumnsInJSON(t *testing.T) {
	rows := `{"name":"Oak chair","label":"CHAIR","shop":"n"}` + "\n" + `{"name":"Bed","label":"BED","hint":"b"}` + "\n"
	path := write(t, "in.jsonl", rows)
	for _, c := range []struct{ flag, want string }{
		{"--exclude=hnit", `has no column "hnit": no row has it, and the first has name, label, shop`},
		{"--by=shops", `has no column "shops"`},
		{"--label=lable", `the lable "" is not a category`},
		{"--exclude=hint", ""}, // the second row has it
		{"--by=shop", ""},
	} {
		for _, source := range []string{path, "-"} {
			t.Run(c.flag+" "+filepath.Base(source), func(t *testing.T) {
				m := &model{}
				server := httptest.NewServer(m)
				defer server.Close()
				got := credenzaWith(t, rows, "eval", source, c.flag, "--openai-base-url="+server.URL)
				if calls, _ := m.asked(); c.want != "" && source == path && calls != 0 {
					t.Errorf("%d calls were made before it was found", calls)
				}
				if c.want == "" {
					c.want = "no item was answered"
				}
				got.expect(t, exitFailed, c.want)
				if got.out != "" {
					t.Errorf("figures were printed: %s", got.out)
				}
			})
		}
	}
}

func TestEvalFindsAnUnwritableMatrixBeforeTheCall(t *testing.T) {
	m := &model{}
	server := httptest.NewServer(m)
	defer server.Close()
	got := credenzaWith(t, labelled, "eval", "-", "--confusion=/nowhere/c.csv", "--openai-base-url="+server.URL)
	got.expect(t, exitFailed, "the confusion matrix cannot be written")
	if calls, _ := m.asked(); calls != 0 {
		t.Errorf("%d calls were made before it was found", calls)
	}
}

// model is a server that remembers what it was asked and answers nothing useful.
type model struct {
	mu     sync.Mutex
	bodies bytes.Buffer
	calls  int
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	_, _ = io.Copy(&m.bodies, r.Body)
	http.Error(w, `{"error":{"message":"no","type":"invalid_request_error"}}`, http.StatusBadRequest)
}

func (m *model) asked() (int, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls, m.bodies.String()
}

func TestEvalHidesLabelsFromTheModel(t *testing.T) {
	m := &model{}
	server := httptest.NewServer(m)
	defer server.Close()
	rows := "name,Label,shop_name,Source Category,colour\n" +
		"Thing one,sofa,northern-shop,couches-and-more,colour-red\n" +
		"Thing two,bed,southern-shop,beds-and-more,colour-blue\n"
	got := credenzaWith(t, rows, "eval", "-", "--openai-base-url="+server.URL, "--label=label", "--by=Shop Name",
		"--exclude=source_category")
	got.expect(t, exitFailed, "no item was answered: 2 UPSTREAM_REJECTED")
	calls, bodies := m.asked()
	if calls < 2 || !strings.Contains(bodies, "Thing one") || !strings.Contains(bodies, "colour-red") {
		t.Fatalf("the model was not asked as expected: %d calls, %s", calls, bodies)
	}
	for _, hidden := range []string{"northern-shop", "southern-shop", "couches-and-more", "beds-and-more", "Shop_name", "shop_name", "Source Category", "\\\"Label"} {
		if strings.Contains(bodies, hidden) {
			t.Errorf("the model has seen %q", hidden)
		}
	}
}

func TestEvalWrongLabelCostsNothing(t *testing.T) {
	m := &model{}
	server := httptest.NewServer(m)
	defer server.Close()
	path := write(t, "in.csv", "name,label\n"+strings.Repeat("Oak chair,CHAIR\n", 50)+"Stove,COOKER\n")
	got := credenzaWith(t, "", "eval", path, "--openai-base-url="+server.URL)
	got.expect(t, exitFailed, "line 52: the label \"COOKER\"")
	if calls, _ := m.asked(); calls != 0 {
		t.Errorf("%d calls were made before the label was found", calls)
	}
}

func TestReportForPeople(t *testing.T) {
	scorer, err := eval.NewScorer([]string{"SOFA", "CHAIR", "BED"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []eval.Sample{
		{Want: "SOFA", Got: "SOFA", Confidence: 0.93, Group: "north"},
		{Want: "SOFA", Got: "BED", Confidence: 0.42, Group: "south\x1b[2J"},
		{Want: "CHAIR", Got: "CHAIR", Confidence: 1, Group: "north"},
		{Want: "CHAIR", Failure: "REFUSED", Group: "north"},
	} {
		if err := scorer.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	report := evalReport{Backend: "openai", Model: "m", Taxonomy: "t", Report: scorer.Report()}
	printReport(streams{out: &out}, "shop", &report)
	testkit.Golden(t, "eval.txt", out.String())
}
