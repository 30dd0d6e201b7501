package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/lexicon"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/internal/tracing"
)

// Finding is the result of one check of Preflight. All of it is safe to show.
type Finding struct {
	// Subject is what was checked: "settings", "taxonomy" and so on.
	Subject string
	// Detail is what is there, if it is in order or was not checked.
	Detail string
	// Skipped is true if it was not checked.
	Skipped bool
	// Problem is what is wrong with it, with one line for each problem; nil: nothing is.
	Problem error
}

// onlineTime bounds the question that Preflight asks of each model and key.
const onlineTime = time.Minute

// Preflight checks everything that Start needs, and starts nothing. Ports are not tried, and a
// data folder may be in use, since the service may be running while its next settings are
// checked. Online, it asks each configured model and key one question, which is paid for.
func Preflight(ctx context.Context, config Config, online bool) []Finding {
	c := &config
	settings := c.checkSettings()
	found := []Finding{settings, c.checkListeners()}
	for _, check := range []struct {
		subject string
		run     func() (string, error)
	}{
		{"certificates", c.checkCertificates},
		{"callers", c.checkCallers},
		{"taxonomy", c.checkTaxonomy},
		{"storage", func() (string, error) { return c.checkStorage(ctx) }},
		{"traces", func() (string, error) { return tracing.Describe(ctx) }},
	} {
		detail, err := check.run()
		found = append(found, Finding{Subject: check.subject, Detail: detail, Problem: err})
	}
	return append(found, c.checkModel(ctx, online, found)...)
}

func (c *Config) checkSettings() Finding {
	f := Finding{Subject: "settings", Detail: "backend " + c.backend() + ", model " + c.servedModels()[0]}
	if f.Problem = c.Validate(); f.Problem != nil {
		return f
	}
	gate, err := newGate(c)
	if err == nil {
		err = c.checkServed(gate)
	}
	pictures, wrong := newPictures(c)
	if wrong == nil {
		pictures.Close()
	}
	f.Problem = errors.Join(err, wrong)
	return f
}

func (c *Config) checkListeners() Finding {
	detail := "gRPC " + c.GRPCAddr + ", HTTP " + c.HTTPAddr
	if c.AdminAddr != "" {
		detail += ", admin " + c.AdminAddr
	}
	return Finding{Subject: "addresses", Detail: detail, Problem: c.checkExposures()}
}

func (c *Config) checkCertificates() (string, error) {
	if (c.tlsFiles() == rpc.TLSFiles{}) {
		return "none: calls come in plain text", nil
	}
	cert, err := c.tlsFiles().Certificate()
	if err != nil {
		return "", err
	}
	switch now := time.Now(); {
	case now.After(cert.NotAfter):
		return "", fmt.Errorf("the certificate %s has ended on %s: renew it", c.TLSCert, cert.NotAfter.Format(time.DateOnly))
	case now.Before(cert.NotBefore):
		return "", fmt.Errorf("the certificate %s begins on %s: look at the clock, or take another one", c.TLSCert, cert.NotBefore.Format(time.DateOnly))
	}
	detail := fmt.Sprintf("%s, until %s", filepath.Base(c.TLSCert), cert.NotAfter.Format(time.DateOnly))
	if c.TLSClientCA != "" {
		detail += "; callers need one too"
	}
	return detail, nil
}

func (c *Config) checkCallers() (string, error) {
	if c.TokenFile == "" {
		return "no token file: anyone may classify", nil
	}
	authority, err := auth.Open(c.TokenFile)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d in %s", len(authority.Names()), filepath.Base(c.TokenFile)), nil
}

func (c *Config) checkTaxonomy() (string, error) {
	tax, err := taxonomy.Load(c.Taxonomy)
	if err != nil {
		return "", err
	}
	_, err = prompt.New(tax)
	_, offline := lexicon.New(tax)
	name := "built in"
	if c.Taxonomy != "" {
		name = filepath.Base(c.Taxonomy)
	}
	return fmt.Sprintf("%s: %s, %s", name, catalog.Count(len(tax.Categories), "category"), catalog.Count(len(tax.Styles), "style")), errors.Join(err, offline)
}

func (c *Config) checkStorage(ctx context.Context) (string, error) {
	dir, err := c.dataDir()
	if err != nil {
		return "", err
	}
	return broker.Check(ctx, broker.Config{URL: c.NATSURL.reveal(), Dir: dir, Replicas: c.NATSReplicas})
}

// checkModel asks the model, if that is wanted and the settings for it are in order.
func (c *Config) checkModel(ctx context.Context, online bool, before []Finding) []Finding {
	skipped := func(why string) []Finding {
		return []Finding{{Subject: "model", Detail: why, Skipped: true}}
	}
	switch {
	case c.Offline():
		return skipped("none: the offline classifier answers")
	case !online:
		return skipped("not asked: --online asks it")
	}
	for _, f := range before {
		if f.Problem != nil && (f.Subject == "settings" || f.Subject == "taxonomy") {
			return skipped("not asked: first correct the " + f.Subject)
		}
	}
	diagnoses, err := diagnose(ctx, *c, doctor{timeout: onlineTime, brief: true, note: func(string, string, string) {}})
	if err != nil {
		return []Finding{{Subject: "model", Problem: err}}
	}
	var found []Finding
	for i := range diagnoses {
		found = append(found, modelFinding(&diagnoses[i]))
	}
	return found
}

func modelFinding(d *Diagnosis) Finding {
	name := d.Model + " at " + hostOf(d.Server)
	if d.Key != "" {
		name += ", key " + d.Key
	}
	if answer := d.Answer("text"); answer != nil {
		return Finding{Subject: "model", Detail: fmt.Sprintf("%s: answers after %v", name, time.Duration(answer.Seconds*float64(time.Second)).Round(time.Millisecond))}
	}
	why := []string{name + " does not answer"}
	for _, c := range d.Checks {
		if !c.Answered {
			why = append(why, c.Message)
		}
	}
	return Finding{Subject: "model", Problem: errors.New(strings.Join(why, ": "))}
}
