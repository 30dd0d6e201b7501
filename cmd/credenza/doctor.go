package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/catalog"
)

type doctorCommand struct {
	JSON       bool          `name:"json" help:"Print everything as JSON."`
	Timeout    time.Duration `default:"1m" placeholder:"TIME" help:"How long each question may take; models that have to be loaded may need minutes (default: 1m)."`
	app.Config `embed:""`
}

// Help is the second part of `credenza doctor --help`.
func (*doctorCommand) Help() string {
	return `Asks each configured server two or three questions, with the settings of "serve", and prints what works, how fast it is, what an item costs, how the model is asked, and what to set. Each further key and model is asked one question. Nothing is stored. The exit code is 1 if no question was answered.`
}

// Validate checks the flags.
func (c *doctorCommand) Validate() error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout is %v: give a time such as 1m", c.Timeout)
	}
	return c.Config.Validate()
}

// Run asks and prints.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	found, err := app.Doctor(ctx, c.Config, c.Timeout, func(model, server, question string) {
		if isTerminal(s.err) {
			printLine(s.err, "credenza: asking %s at %s (%s, up to %v)", model, server, question, c.Timeout)
		}
	})
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return err
	case c.JSON:
		err = printJSON(s.out, map[string][]app.Diagnosis{"servers": append([]app.Diagnosis{}, found...)})
	case c.Backend == "offline":
		printLine(s.out, "The offline classifier answers, as CREDENZA_BACKEND says: there is no server to ask.")
	default:
		err = printDiagnoses(s, found)
	}
	switch {
	case err != nil:
		return err
	case len(found) == 0 && c.Backend != "offline":
		return errors.New("no model is configured, so the offline classifier answers: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own")
	case len(found) > 0 && !slices.ContainsFunc(found, func(d app.Diagnosis) bool { return d.Answered() }):
		return errItemsFailed
	}
	return nil
}

func printDiagnoses(s streams, found []app.Diagnosis) error {
	for i := range found {
		if i > 0 {
			printLine(s.out, "")
		}
		if err := printDiagnosis(s, &found[i]); err != nil {
			return err
		}
	}
	return nil
}

func printDiagnosis(s streams, d *app.Diagnosis) error {
	printLine(s.out, "%s at %s\nkey %s, %s\n", d.Model, d.Server, d.Key, d.Group)
	var rows [][]string
	for i := range d.Checks {
		rows = append(rows, checkRow(&d.Checks[i]))
	}
	if err := printTable(s, []string{"QUESTION", "RESULT", "TIME", "CALLS", "TOKENS IN", "OUT"}, rows); err != nil {
		return err
	}
	for _, c := range d.Checks {
		if !c.Answered {
			printLine(s.out, "\n%s: %s", c.Name, c.Message)
		}
	}
	if facts := factsOf(d); len(facts) > 0 {
		printLine(s.out, "")
		if err := printTable(s, []string{"FOUND", ""}, facts); err != nil {
			return err
		}
	}
	if d.Answered() && len(d.Profile) > 0 {
		rows = nil
		for _, part := range d.Profile {
			rows = append(rows, []string{part.Name, part.Value, part.From})
		}
		printLine(s.out, "")
		if err := printTable(s, []string{"ASKED WITH", "VALUE", "FROM"}, rows); err != nil {
			return err
		}
	}
	printLine(s.out, "\nWhat to do:")
	for _, text := range d.Advice {
		printLine(s.out, "  - %s", text)
	}
	if len(d.Advice) == 0 {
		printLine(s.out, "  nothing: it works as it is")
	}
	return nil
}

func checkRow(c *app.Check) []string {
	result := "failed: " + c.Reason
	if c.Answered {
		result = fmt.Sprintf("%s %.2f (%s)", c.Answer, c.Confidence, c.Source)
	}
	row := []string{c.Name, result, seconds(c.Seconds), count(int64(c.Calls)), count(c.Prompt), count(c.Completion)}
	if c.Cached > 0 {
		row[4] += fmt.Sprintf(" (%d cached)", c.Cached)
	}
	return row
}

// count returns a number, and a dash for none.
func count(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}

// factsOf returns what the questions have shown, in two columns.
func factsOf(d *app.Diagnosis) (facts [][]string) {
	add := func(name, format string, args ...any) {
		facts = append(facts, []string{name, fmt.Sprintf(format, args...)})
	}
	if l := d.List; l != nil {
		there := "this one among them"
		if !l.Listed {
			there = "this one not among them"
		}
		add("models", "%d listed, %s", l.Count, there)
	}
	if c := d.Measured(); c != nil {
		add("speed", "%s for an answer", seconds(c.Seconds))
		add("an item costs", "%s in, %d out", catalog.Count(c.Prompt, "token"), c.Completion)
	}
	if c := d.Answer("picture"); c != nil {
		add("with a picture", "%s in, %d out", catalog.Count(c.Prompt, "token"), c.Completion)
	}
	for _, l := range []struct {
		name  string
		limit *app.Limit
	}{{"requests", d.Requests}, {"tokens", d.Tokens}} {
		if l.limit != nil {
			text := fmt.Sprintf("%.0f, of which %.0f are left", l.limit.Amount, l.limit.Remaining)
			if l.limit.PerMinute > 0 {
				text += fmt.Sprintf("; about %.0f a minute", l.limit.PerMinute)
			}
			add("limit of "+l.name, "%s", text)
		}
	}
	if d.Answered() && d.Requests == nil && d.Tokens == nil {
		add("limits", "the server names none; they are learned from its refusals")
	}
	if n := d.ItemsPerMinute(); n > 0 {
		add("so at most", "%s a minute", catalog.Count(int64(math.Round(n)), "item"))
	}
	return facts
}
