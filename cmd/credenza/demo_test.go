package main

import (
	"context"
	"regexp"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	got := credenzaWith(t, "", "demo")
	got.expect(t, exitOK, "")
	for _, want := range []string{
		`gRPC on 127\.0\.0\.1:\d+, HTTP on 127\.0\.0\.1:\d+`,
		`No key is set, so the offline classifier answers\.`,
		`(?m)^batch 1 after [0-9.]+.?s: 10 items, 10 of 104 done$`,
		`(?m)^batch 11 after [0-9.]+.?s: 4 items, 104 of 104 done$`,
		`(?m)^  SOFA +[01]\.\d\d  [A-Z_]+ +Low three-seat sofa in oatmeal linen$`,
		`(?m)^104 items: 104 classified, 0 failed, in `,
		`curl localhost:8000/`, `OPENAI_API_KEY`, `credenza\S* classify`, `credenza\S* eval`,
	} {
		if !regexp.MustCompile(want).MatchString(got.out) {
			t.Errorf("%s is not in %s", want, got.out)
		}
	}
	if rows := regexp.MustCompile(`(?m)^  [A-Z]+ +[01]\.\d\d`).FindAllString(got.out, -1); len(rows) != 104 {
		t.Errorf("%d results are shown", len(rows))
	}
}

func TestDemo_RunsNextToAService(t *testing.T) {
	t.Setenv("CREDENZA_GRPC_ADDR", service(t)) // the port is in use
	t.Setenv("CREDENZA_TOKEN_FILE", "/nowhere")
	credenzaWith(t, "", "demo").expect(t, exitOK, "")
}

func TestDemoInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{seen: map[string]func(){"The service runs": cancel}}
	if code := run(ctx, []string{"demo"}, streams{out: out, err: out}); code != exitInterrupted {
		t.Errorf("got exit code %d and %s", code, out.all.String())
	}
}

func TestOutputThatIsLostIsAFailure(t *testing.T) {
	for _, args := range [][]string{{"demo"}, {"taxonomy", "show"}, {"--help"}, {"--version"}, {"eval", "../../examples/labelled.csv"}} {
		var notes strings.Builder
		code := run(t.Context(), args, streams{out: closed{}, err: &notes})
		if code != exitFailed || !strings.Contains(notes.String(), "no more paper") {
			t.Errorf("%v: got exit code %d and %q", args, code, notes.String())
		}
	}
}

func TestDemoVerbose(t *testing.T) {
	if got := credenzaWith(t, "", "demo", "-v"); !strings.Contains(got.err, `"msg":"serving"`) {
		t.Errorf("got %s", got.err)
	}
}
