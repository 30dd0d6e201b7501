package main

import (
	"fmt"
	"strings"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

type taxonomyCommand struct {
	Show  taxonomyShow  `cmd:"" help:"Show the categories and styles."`
	Check taxonomyCheck `cmd:"" help:"Check a taxonomy file: every problem with its line."`
}

type taxonomyFile struct {
	File string `arg:"" optional:"" env:"CREDENZA_TAXONOMY" help:"A taxonomy file (default: CREDENZA_TAXONOMY, else the built-in furniture)."`
}

type taxonomyShow struct {
	taxonomyFile
	YAML bool `name:"yaml" help:"Print the built-in file itself, to begin your own with."`
}

// Run prints the taxonomy.
func (c *taxonomyShow) Run(s streams) error {
	if c.YAML {
		_, err := s.out.Write(taxonomy.Builtin())
		return err
	}
	t, err := taxonomy.Load(c.File)
	if err != nil {
		return err
	}
	categories, styles := [][]string{}, [][]string{}
	for _, category := range t.Categories {
		categories = append(categories, []string{
			category.Name, category.Description, strings.Join(category.Placements, ", "),
		})
	}
	for _, style := range t.Styles {
		styles = append(styles, []string{style.Name, style.Description, strings.Join(style.Tags, ", ")})
	}
	say(s.out, "Taxonomy %s: %d categories, %d styles\n", t.Version, len(t.Categories), len(t.Styles))
	if err := printTable(s, []string{"CATEGORY", "WHAT BELONGS IN IT", "PLACEMENTS"}, categories); err != nil {
		return err
	}
	say(s.out, "")
	return printTable(s, []string{"STYLE", "WHAT MAKES IT", "TAGS"}, styles)
}

// printTable prints texts in columns.
func printTable(s streams, columns []string, rows [][]string) error {
	w, err := table.NewWriter(s.out, table.WriterConfig{
		Format: table.Aligned, Columns: columns, Width: terminalWidth(s.out),
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		values := make([]table.Value, len(row))
		for i, text := range row {
			values[i] = table.TextValue(text)
		}
		if err := w.Write(values); err != nil {
			return err
		}
	}
	return w.Flush()
}

type taxonomyCheck struct{ taxonomyFile }

// Run checks the file.
func (c *taxonomyCheck) Run(s streams) error {
	t, err := taxonomy.Load(c.File)
	if err != nil {
		return err
	}
	name := c.File
	if name == "" {
		name = "the built-in taxonomy"
	}
	_, err = fmt.Fprintf(s.out, "%s is sound: %d categories, %d styles, version %s\n",
		name, len(t.Categories), len(t.Styles), t.Version)
	return err
}
