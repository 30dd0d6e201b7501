package app

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

const variablePrefix = "CREDENZA_"

// ofKubernetes matches the variables that Kubernetes makes of the names of Services, such as
// credenza and credenza-web, each with its value. CREDENZA_PORT is one with any value.
var ofKubernetes = regexp.MustCompile(`^(\w+_SERVICE_HOST|\w+_SERVICE_PORT(_\w+)?|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=|` +
	`^CREDENZA_PORT=|^\w+_PORT=(tcp|udp|sctp)://`)

// UnknownVariables returns a warning for each variable of the environment that begins like
// those of settings and is none of these, nor one of others, nor one that the key groups
// name. It is for after the parse.
func (r *Resolver) UnknownVariables(others ...string) (warnings []string) {
	known := slices.DeleteFunc(append(others, r.known...), func(name string) bool { return !strings.HasPrefix(name, variablePrefix) })
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(known, name) || ofKubernetes.MatchString(variable) || r.namesVariable(name) {
			continue
		}
		advice := "see `credenza serve --help` for the settings"
		if best := nearestOf(name, known); best != "" {
			advice = fmt.Sprintf("did you mean %s?", best)
		}
		warnings = append(warnings, fmt.Sprintf("the environment has %s, which is not a setting: %s", name, advice))
	}
	slices.Sort(warnings)
	return warnings
}

// namesVariable reports whether a setting's value names a variable, as key groups do.
func (r *Resolver) namesVariable(name string) bool {
	named := regexp.MustCompile(`\$` + regexp.QuoteMeta(name) + `\b`)
	if slices.ContainsFunc(os.Args, named.MatchString) || slices.ContainsFunc(os.Environ(), named.MatchString) {
		return true
	}
	for _, e := range r.values {
		if named.MatchString(e.text) {
			return true
		}
	}
	return false
}
