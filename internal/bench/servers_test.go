package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestServers_PrintsWhatAUserGot(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls.jsonl")
	text := `{"n":1,"status":400}` + "\n" + `{"n":2,"status":200}` + "\n" + `{"n":3,"status":"raw"}` + "\nno JSON\n" + `{"n":4,"status":200}` + "\n"
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	calls, err := countCalls(log)
	if err != nil {
		t.Fatal(err)
	}
	got := userGot{
		answers: map[string]int{"ok: SOFA 0.90 MODEL": 2}, errors: map[string]int{"REFUSED: no": 1},
		calls: calls, took: 1500 * time.Millisecond, failure: errors.New("cut"),
	}
	text = got.text(&serverCase{Name: "odd", Items: 3})
	const want = `odd: 3 items, 1.5 s, 4 calls (2 x 200, 1 x 400, 1 x raw)
     2 ok: SOFA 0.90 MODEL
     1 REFUSED: no
       the call ended: cut
`
	if text != want {
		t.Errorf("printed\n%swant\n%s", text, want)
	}
}
