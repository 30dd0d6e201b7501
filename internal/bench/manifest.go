package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// row is a line of a CSV file, by the names of its columns.
type row map[string]string

// readCSV reads lines whose columns the first one names.
func readCSV(in io.Reader) (names []string, all []row, err error) {
	lines, err := csv.NewReader(in).ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, nil, err
	}
	for _, line := range lines[1:] {
		r := row{}
		for i, name := range lines[0] {
			r[name] = line[i]
		}
		all = append(all, r)
	}
	return lines[0], all, nil
}

// readManifest reads a folder's manifest.csv, a line for each file. wanted are the
// columns that have to be there.
func readManifest(folder string, wanted ...string) ([]row, error) {
	path := filepath.Join(folder, "manifest.csv")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	names, all, err := readCSV(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%s: there is no column %q: a manifest has the columns %q", path, name, wanted)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s names no file", path)
	}
	return all, nil
}
