package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// ofStrangers is a text that would set a terminal's title and colour, and turn the text around.
const ofStrangers = "spring\x1b]0;owned\x1b\\ \x1b[31msale\x1b[0m\u202e"

func TestTextsOfStrangers_DoNotReachATerminal(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	got := k.run(t, twoRows, "submit", "-", "--name="+ofStrangers)
	got.expect(t, exitOK, "2 items in the job")
	id := strings.TrimSpace(got.out)
	for _, command := range [][]string{{"list", "--output=table"}, {"show", "--output=table", id}} {
		got := k.run(t, "", command...)
		if !strings.Contains(got.out, "spring sale\n") {
			t.Errorf("%v printed %q", command, got.out)
		}
	}
	if got := k.run(t, "", "show", "--output=jsonl", id); !strings.Contains(got.out, `"spring\u001b]0;owned`) {
		t.Errorf("for programs, the name has changed: %q", got.out)
	}
	if got := credenzaWith(t, "", "classify", ofStrangers); !strings.Contains(got.err, "spring sale: no such file") {
		t.Errorf("the error is %q", got.err)
	}
}

func TestPrintLine_MakesItsArgumentsPrintable(t *testing.T) {
	var out bytes.Buffer
	printLine(&out, "%s\n%v %v %d", ofStrangers, errors.New(ofStrangers), credenza.JobState(ofStrangers), 3)
	if got := out.String(); got != "spring sale\nspring sale spring sale 3\n" {
		t.Errorf("got %q", got)
	}
}
