package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestNoCommand_PrintsHelp(t *testing.T) {
	got := credenzaWith(t, "")
	got.expect(t, exitOK, "")
	if !strings.Contains(got.out, "Commands:") || got.err != "" {
		t.Errorf("got %q and %q", got.out, got.err)
	}
}

func TestHelp_ShowsSettingsWhereTheyMatter(t *testing.T) {
	for name, c := range map[string]struct {
		command      string
		shown, hides []string
	}{
		"serve":    {"serve", []string{"--grpc-addr", "--openai-model", "--drain-timeout"}, nil},
		"classify": {"classify", []string{"--output", "--openai-model", "--taxonomy"}, []string{"--grpc-addr", "--drain-timeout", "--nats-url"}},
		"eval":     {"eval", []string{"--label", "--openai-model"}, []string{"--http-addr", "--jobs-keep"}},
		"doctor":   {"doctor", []string{"--timeout", "--json", "--openai-base-url"}, []string{"--grpc-addr", "--jobs-keep"}},
		"health":   {"health", []string{"--url", "--http-addr"}, []string{"--grpc-addr", "--openai-model"}},
		"tokens":   {"tokens add", []string{"--token-file", "--scopes"}, nil},
		"demo":     {"demo", []string{"--verbose"}, []string{"--grpc-addr"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, "", append(strings.Fields(c.command), "--help")...)
			got.expect(t, exitOK, "")
			for _, flag := range c.shown {
				if !strings.Contains(got.out, flag) {
					t.Errorf("%s is not shown", flag)
				}
			}
			for _, flag := range c.hides {
				if strings.Contains(got.out, flag) {
					t.Errorf("%s is shown", flag)
				}
			}
		})
	}
}

func TestVersion(t *testing.T) {
	got := credenzaWith(t, "", "version")
	got.expect(t, exitOK, "")
	if !strings.HasPrefix(got.out, "credenza ") || !strings.Contains(got.out, "(commit ") || !strings.Contains(got.out, "go1.") {
		t.Errorf("got %q", got.out)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		got := credenzaWith(t, "", "completion", shell)
		got.expect(t, exitOK, "")
		if !strings.Contains(got.out, "complete ") {
			t.Errorf("%s: got %q", shell, got.out)
		}
	}
	credenzaWith(t, "", "completion", "tcsh").expect(t, exitUsage, "must be one of")
}

// TestCompletion_AnswersTheShell asks the program as a shell does.
func TestCompletion_AnswersTheShell(t *testing.T) {
	for line, want := range map[string]string{
		"credenza cl":             "classify",
		"credenza jobs re":        "results resume retry",
		"credenza classify --out": "--out --output",
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), programVariable+"=1", "COMP_LINE="+line)
		out, err := cmd.Output()
		got := strings.Fields(string(out))
		slices.Sort(got)
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", line, got, err, want)
		}
	}
}
