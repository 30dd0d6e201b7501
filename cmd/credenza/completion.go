package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
	"github.com/posener/complete"
	"github.com/willabides/kongplete"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help is the second part of `credenza completion --help`.
func (*completionCommand) Help() string {
	return `Add the line of your shell to its start-up file, such as ~/.bashrc:

  bash  source <(credenza completion bash)
  zsh   source <(credenza completion zsh)
  fish  credenza completion fish | source`
}

// completionScripts make a shell ask this program, which answers when COMP_LINE is set.
var completionScripts = map[string]string{
	"bash": "complete -o default -C credenza credenza\n",
	"zsh": "autoload -U +X compinit && compinit\n" +
		"autoload -U +X bashcompinit && bashcompinit\n" +
		"complete -o nospace -o default -C credenza credenza\n",
	"fish": "function __complete_credenza\n" +
		"  set -lx COMP_LINE (commandline -cp)\n" +
		"  test -z (commandline -ct); and set COMP_LINE \"$COMP_LINE \"\n" +
		"  credenza\n" +
		"end\n" +
		"complete -c credenza -a \"(__complete_credenza)\"\n",
}

// Run prints the script.
func (c *completionCommand) Run(s streams) error {
	_, err := fmt.Fprint(s.out, completionScripts[c.Shell])
	return err
}

// completeLine prints the completions of the line in COMP_LINE and reports whether a shell
// asked for them. The shell itself completes file names.
func completeLine(parser *kong.Kong) bool {
	if os.Getenv("COMP_LINE") == "" {
		return false
	}
	answered := false
	kongplete.Complete(parser,
		kongplete.WithPredictor("file", complete.PredictFiles("*")),
		kongplete.WithExitFunc(func(int) { answered = true }))
	return answered
}
