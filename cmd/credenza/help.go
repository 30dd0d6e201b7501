package main

import (
	"slices"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
)

// clientSettings are the settings that the help of `classify`, `eval` and `demo` shows.
// All others are accepted, and `serve --help` shows them.
var clientSettings = []string{
	"openai-api-key", "openai-base-url", "openai-model", "backend", "fallback", "max-workers", "image-allow",
	"taxonomy", "config",
}

// healthSettings are those that the help of `health` shows.
var healthSettings = []string{"http-addr", "tls-cert", "config"}

// printHelp prints help without the settings that only `serve` needs to show.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if node := ctx.Selected(); node != nil && node.Name != "serve" {
		settings, shown := app.SettingNames(), clientSettings
		switch {
		case node.Name == "health":
			shown = healthSettings
		case node.Parent.Name == "tokens":
			shown = settings // --token-file is the command's own
		}
		for _, flag := range node.Flags {
			if slices.Contains(settings, flag.Name) && !slices.Contains(shown, flag.Name) {
				flag.Hidden = true
			}
		}
	}
	return kong.DefaultHelpPrinter(options, ctx)
}
