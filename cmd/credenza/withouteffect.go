package main

import (
	"fmt"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
)

// flagsWithoutEffect returns a line for each flag of a command line that does nothing there,
// because of another one that is given or missing. Variables are often set for several
// commands, so nothing is said of them.
func flagsWithoutEffect(command *kong.Context) (lines []string) {
	given, values := flagsOf(command)
	server, has := values["server"]
	if _, embeds := values["verbose"]; !has || !embeds { // only classify and eval choose between two services
		return nil
	}
	for _, name := range given {
		switch {
		case name == "image-max-bytes": // bounds files of pictures, which are read here
		case name == "taxonomy" && values["dry-run"] == "true": // is in the questions whose tokens are counted
		case server != "" && (name == "verbose" || slices.Contains(app.SettingNames(), name)):
			lines = append(lines, fmt.Sprintf("--%s is for the service within this program: it has no effect with the one at %s", name, server))
		case server == "" && slices.Contains([]string{"server-token-file", "tls-ca", "plaintext"}, name):
			lines = append(lines, fmt.Sprintf("--%s is for --server: it has no effect without it", name))
		case name == "seed" && values["sample"] == "0":
			lines = append(lines, "--seed is for --sample: it has no effect without it")
		}
	}
	return lines
}

// flagsOf returns the names of the flags that the command line itself has, each once, and
// the values of all flags of its command, as texts.
func flagsOf(command *kong.Context) (given []string, values map[string]string) {
	for _, part := range command.Path {
		if part.Flag != nil && !part.Resolved && !slices.Contains(given, part.Flag.Name) {
			given = append(given, part.Flag.Name)
		}
	}
	values = map[string]string{}
	if node := command.Selected(); node != nil {
		for _, flag := range node.Flags {
			values[flag.Name] = fmt.Sprint(command.FlagValue(flag))
		}
	}
	return given, values
}
