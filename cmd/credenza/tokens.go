package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/catalog"
)

type tokensCommand struct {
	Add    tokensAdd    `cmd:"" help:"Add a caller, and print its new token once."`
	List   tokensList   `cmd:"" help:"List the callers, with what they may do and their caps."`
	Revoke tokensRevoke `cmd:"" help:"End a caller's access now."`
}

// tokensFile is the file that the commands work on.
type tokensFile struct {
	TokenFile string `name:"token-file" env:"CREDENZA_TOKEN_FILE" required:"" predictor:"file" placeholder:"FILE" help:"The token file; a running service reads it again within a second."`
}

type tokensAdd struct {
	tokensFile
	Name    string            `arg:"" help:"The caller's name: letters, digits, dots, dashes and underscores."`
	Scopes  []string          `default:"classify" enum:"classify,operate" help:"What the caller may do: classify, operate (default: classify)."`
	Expires string            `placeholder:"TIME" help:"When the access ends: 2027-01-31T12:00:00Z, a date, or a time from now such as 720h."`
	Cap     map[string]string `placeholder:"NAME=N" help:"A cap of the caller: items_in_flight, items_per_minute, items_per_day, tokens_per_day, jobs or job_bytes; NAME=none lifts a cap that all callers have."`
}

// Run adds the caller and prints the token, which cannot be shown again.
func (c *tokensAdd) Run(s streams) error {
	entry := auth.Entry{Name: c.Name, Scopes: c.Scopes, Expires: c.Expires}
	if d, err := time.ParseDuration(c.Expires); err == nil {
		entry.Expires = time.Now().Add(d).UTC().Format(time.RFC3339)
	}
	for name, value := range c.Cap {
		limit, ok := catalog.CapNamed(name)
		if !ok {
			return fmt.Errorf("--cap: there is no cap %q: the help lists them", name)
		}
		n, err := auth.ParseCap(value)
		if err != nil {
			return fmt.Errorf("--cap: %s: %w", name, err)
		}
		entry.Caps[limit] = n
	}
	token, err := auth.AddToken(c.TokenFile, &entry)
	if err != nil {
		return err
	}
	printLine(s.err, "The token of %s, which is stored nowhere and cannot be shown again:", c.Name)
	printLine(s.out, "%s", token)
	return nil
}

type tokensList struct{ tokensFile }

// Run prints the callers.
func (c *tokensList) Run(s streams) error {
	tokens, err := auth.LoadTokens(c.TokenFile)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, caller := range tokens.List() {
		expires := "never"
		if !caller.Expires.IsZero() {
			expires = caller.Expires.UTC().Format(time.RFC3339)
		}
		if caller.Expired {
			expires = "expired " + expires
		}
		rows = append(rows, []string{caller.Name, strings.Join(caller.Scopes, ", "), expires, capsText(caller.Caps)})
	}
	return printTable(s, []string{"CALLER", "SCOPES", "EXPIRES", "CAPS"}, rows)
}

func capsText(limits catalog.Caps) string {
	var texts []string
	for c := range catalog.NumCaps {
		if limits[c] > 0 {
			texts = append(texts, fmt.Sprintf("%v=%d", c, limits[c]))
		}
	}
	return strings.Join(texts, " ")
}

type tokensRevoke struct {
	tokensFile
	Name string `arg:"" help:"The caller's name."`
}

// Run ends the caller's access.
func (c *tokensRevoke) Run(s streams) error {
	if err := auth.RevokeToken(c.TokenFile, c.Name); err != nil {
		return err
	}
	printLine(s.out, "%s is refused from its next call on. Calls in flight end as they would have.", c.Name)
	return nil
}
