package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
)

// enumText finds what the parser says of a value that is none of a list.
var enumText = regexp.MustCompile(`^(\S+) must be one of (\S+) but got (".*")$`)

// usageText returns the text of an error of the command line, with what the command's help
// is called.
func usageText(parse *kong.ParseError) string {
	command := commandOf(parse)
	text := app.PlainValueError(strings.TrimPrefix(parse.Error(), strings.TrimPrefix(command, "credenza ")+": "))
	if m := enumText.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("%s must be one of %s, not %s", m[1], listed(m[2]), m[3])
	}
	return fmt.Sprintf("%s: see %s --help", text, command)
}

// listed returns a list of quoted words, which commas separate, as people write it.
func listed(words string) string {
	list := strings.Split(strings.ReplaceAll(strings.TrimPrefix(words, `"",`), `"`, ""), ",")
	if last := len(list) - 1; last > 0 {
		return strings.Join(list[:last], ", ") + " or " + list[last]
	}
	return list[0]
}

// commandOf returns the command that a command line has named, as far as it was
// understood: "credenza jobs list".
func commandOf(parse *kong.ParseError) string {
	name := "credenza"
	if parse.Context != nil {
		for _, part := range parse.Context.Path {
			if part.Command != nil {
				name += " " + part.Command.Name
			}
		}
	}
	return name
}

// wrongUsage returns the error of a command line that was not understood.
func wrongUsage(err error) (*kong.ParseError, bool) {
	parse, ok := errors.AsType[*kong.ParseError](err)
	return parse, ok && parse.ExitCode() != exitFailed
}
