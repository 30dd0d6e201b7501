package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

type taxonomyCommand struct {
	Init  taxonomyInit  `cmd:"" help:"Write a commented taxonomy file to fill in."`
	Show  taxonomyShow  `cmd:"" help:"Show the categories and styles."`
	Check taxonomyCheck `cmd:"" help:"Check a taxonomy file, and print every problem with its line."`
}

type taxonomyInit struct {
	Out string `default:"taxonomy.yaml" placeholder:"FILE" help:"The file to write, - for standard output (default: taxonomy.yaml). An existing file is never overwritten."`
}

// Run writes the file.
func (c *taxonomyInit) Run(s streams) error {
	if c.Out == "-" {
		_, err := s.out.Write(taxonomy.Template())
		return err
	}
	file, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already and is not overwritten: name another file with --out", c.Out)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(taxonomy.Template())
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", c.Out, err)
	}
	printLine(s.out, "%s is written. Fill it in, then check it with: credenza taxonomy check %s", c.Out, c.Out)
	return nil
}

// taxonomyFile has the argument for a taxonomy: a file, else that of the settings.
type taxonomyFile struct {
	File     string `arg:"" optional:"" predictor:"file" help:"A taxonomy file (default: the one in force)."`
	Taxonomy string `env:"CREDENZA_TAXONOMY" placeholder:"FILE" help:"The taxonomy in force (default: furniture, built in)."`
	Config   string `env:"CREDENZA_CONFIG" placeholder:"FILE" help:"A YAML file with settings, of which taxonomy counts."`
}

func (f *taxonomyFile) path() string { return cmp.Or(f.File, f.Taxonomy) }

type taxonomyShow struct {
	taxonomyFile
	YAML bool `name:"yaml" help:"Print the built-in file itself."`
}

// Run prints the taxonomy.
func (c *taxonomyShow) Run(s streams) error {
	if c.YAML {
		_, err := s.out.Write(taxonomy.Builtin())
		return err
	}
	t, err := taxonomy.Load(c.path())
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
	printLine(s.out, "Taxonomy %s: %s, %s\n", t.Version, catalog.Count(len(t.Categories), "category"), catalog.Count(len(t.Styles), "style"))
	if err := printTable(s, []string{"CATEGORY", "WHAT BELONGS IN IT", "PLACEMENTS"}, categories); err != nil {
		return err
	}
	if len(styles) == 0 {
		return nil
	}
	printLine(s.out, "")
	return printTable(s, []string{"STYLE", "WHAT MAKES IT", "TAGS"}, styles)
}

type taxonomyCheck struct{ taxonomyFile }

// Run checks the file.
func (c *taxonomyCheck) Run(s streams) error {
	t, err := taxonomy.Load(c.path())
	if err != nil {
		return err
	}
	name := cmp.Or(c.path(), "the built-in taxonomy")
	printLine(s.out, "%s is valid: %s, %s, version %s", name, catalog.Count(len(t.Categories), "category"), catalog.Count(len(t.Styles), "style"), t.Version)
	return nil
}
