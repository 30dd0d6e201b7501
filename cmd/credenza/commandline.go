package main

import (
	"slices"
	"strings"
)

// secretFlags are those whose values must not be printed.
var secretFlags = []string{"--openai-api-key", "--nats-url", "--key-groups"}

// again returns the command line that goes on with what args have begun.
func again(args []string) string {
	line := []string{"credenza"}
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		switch {
		case slices.Contains(secretFlags, name):
			if !joined {
				i++
			}
		case name == "--overwrite", name == "--resume":
		default:
			line = append(line, quoted(args[i]))
		}
	}
	return strings.Join(append(line, "--resume"), " ")
}

// quoted returns an argument as a shell takes it.
func quoted(arg string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
