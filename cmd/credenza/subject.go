package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// unnoted has the defaults of settings that earlier versions did not note. The model is not
// among them, as a server with any model may have answered, nor is the version of the taxonomy,
// of which they noted the file's name: their half-done files are refused.
var unnoted = map[string]string{"--server": notGiven, "--fail-without-picture": "false", "--review-below": "0.5"}

const notGiven = "not given"

// subject returns the settings that must be equal in all runs for a file, but for a server's.
// The sample of a file that has grown is another one. A key that is left out would have the
// offline classifier answer the rest.
func (r *classifyRun) subject() map[string]string {
	c := r.classifyCommand
	subject := map[string]string{
		"--as-completed": strconv.FormatBool(c.AsCompleted), "--limit": fmt.Sprint(c.Limit), "--sample": fmt.Sprintf("%d of %d", c.Sample, r.pick.total),
		"--seed": fmt.Sprint(c.Seed), "--only-failed": strconv.FormatBool(c.OnlyFailed), "--only-review": strconv.FormatBool(c.OnlyReview),
		"--mode": c.Mode, "--model": c.itemFlags.Model, "--column": strings.Join(c.Column, " "),
		"--backend": "a model", "--product-column": c.ProductColumn, "--sheet": c.Sheet,
		"--fail-without-picture": strconv.FormatBool(c.FailWithoutPicture),
	}
	if c.Server != "" {
		subject["--server"] = "given"
		return subject
	}
	subject["--server"] = notGiven
	subject["--review-below"] = fmt.Sprint(c.ReviewBelow)
	if t, err := taxonomy.Load(c.Taxonomy); err == nil { // else the service does not start
		subject["the taxonomy"] = t.Version
	}
	if r.local() {
		subject["--backend"] = "offline"
	} else {
		subject["--openai-model"] = c.Config.Model
	}
	return subject
}

// addServer adds what the server, if there is one, says of its settings. Its model is for its
// operators to know, and does not matter if the caller names one. Its address may be another.
func (c *classifyCommand) addServer(ctx context.Context, subject map[string]string) (err error) {
	if c.Server == "" {
		return nil
	}
	client, err := c.dial(c.Server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	t, err := client.Taxonomy(ctx)
	if err != nil {
		return err
	}
	subject["the taxonomy"] = t.Version
	if c.itemFlags.Model != "" {
		return nil
	}
	status, err := client.Status(ctx)
	if call, ok := errors.AsType[*credenza.Error](err); ok && (call.Code == credenza.CodePermissionDenied || call.Code == credenza.CodeUnauthenticated) {
		status.Model, err = "not told", nil
	}
	subject["the server's model"] = status.Model
	return err
}
