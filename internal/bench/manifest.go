package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// manifestRow is a line of a manifest, by the names of its columns.
type manifestRow map[string]string

// readManifest reads a folder's manifest.csv: a line for each file, the columns
// named in the first one. wanted are the columns that have to be there.
func readManifest(folder string, wanted ...string) ([]manifestRow, error) {
	path := filepath.Join(folder, "manifest.csv")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	lines := csv.NewReader(f)
	names, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%s: there is no column %q: a manifest has the columns %q", path, name, wanted)
		}
	}
	var all []manifestRow
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r := manifestRow{}
		for i, name := range names {
			r[name] = line[i]
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s names no file", path)
	}
	return all, nil
}
