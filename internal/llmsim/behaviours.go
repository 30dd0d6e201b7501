package llmsim

import (
	"bytes"
	_ "embed" // for the table of behaviours
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// behavioursYAML is the table of behaviours.
//
//go:embed behaviours.yaml
var behavioursYAML []byte

// behaviours are the ways of servers by name.
var behaviours = readBehaviours()

// readBehaviours reads the table. It is part of the program, so that an error in it is one of the program.
func readBehaviours() (table map[string]Behaviour) {
	decoder := yaml.NewDecoder(bytes.NewReader(behavioursYAML))
	decoder.KnownFields(true)
	if err := decoder.Decode(&table); err != nil {
		panic("behaviours.yaml: " + err.Error())
	}
	return table
}

// Behaviours returns the names of all behaviours, sorted.
func Behaviours() []string { return slices.Sorted(maps.Keys(behaviours)) }

// behaviourOf returns a behaviour by its name or by the status of its answers; nil
// if there is none.
func behaviourOf(name string) Behaviour {
	if b, ok := behaviours[name]; ok {
		return b
	}
	status, err := strconv.Atoi(name)
	if err != nil || status < 400 || status > 599 {
		return nil
	}
	return Behaviour{{Status: status}}
}
