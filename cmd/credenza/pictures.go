package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// pictureEndings are those of files that a folder of pictures is searched for.
var pictureEndings = []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}

// fileColumn is the one column of a folder of pictures.
const fileColumn = "file"

// openAny opens a file of rows, or a folder of pictures as rows.
func (c *classifyCommand) openAny(ctx context.Context, s streams) (*input, error) {
	if info, err := os.Stat(c.File); c.File != "-" && err == nil && info.IsDir() {
		return openFolder(c.File, c.ImageMaxBytes)
	}
	in, err := c.open(ctx, s)
	if err != nil {
		return nil, err
	}
	folder := "."
	if c.File != "-" {
		folder = filepath.Dir(c.File)
	}
	in.local = &localPictures{folder: folder, maxBytes: c.ImageMaxBytes}
	return in, nil
}

// pictureFolder makes items of a folder's pictures.
type pictureFolder struct{ local localPictures }

// openFolder lists the pictures of a folder, sorted by name, as rows. It does not look
// into folders within it.
func openFolder(path string, maxBytes int) (*input, error) {
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return nil, fmt.Errorf("the folder cannot be read: %w", err)
	}
	var rows bytes.Buffer
	advice := "give a file, or a folder with pictures"
	for _, entry := range entries {
		if entry.IsDir() {
			advice = "folders within it are not searched, so name one of them"
		}
		if entry.IsDir() || !slices.Contains(pictureEndings, strings.ToLower(filepath.Ext(entry.Name()))) {
			continue
		}
		name, err := json.Marshal(entry.Name())
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&rows, "{%q:%s}\n", fileColumn, name)
	}
	if rows.Len() == 0 {
		return nil, fmt.Errorf("%s is a folder without pictures (%s): %s", path, strings.Join(pictureEndings, ", "), advice)
	}
	in := &input{name: path, stop: func() {}, close: func() {}, pictures: &pictureFolder{localPictures{folder: path, maxBytes: maxBytes}}}
	return in, in.begin(&rows, table.JSON)
}

// item returns the item of a row: a picture, with the name of its file as text.
func (f *pictureFolder) item(row table.Row) (credenza.Item, error) {
	value, _ := row.Get(fileColumn)
	data, err := f.local.read(value.Text)
	if err != nil {
		return credenza.Item{ID: value.Text}, fmt.Errorf("the picture cannot be read: %w", err)
	}
	stem := strings.TrimSuffix(value.Text, filepath.Ext(value.Text))
	name := strings.Join(strings.FieldsFunc(stem, separatesWords), " ")
	return credenza.Item{ID: value.Text, ProductName: name, ImageData: data}, nil
}

// localPictures reads pictures of files in a folder and below it. A catalogue may come
// from a stranger: no path leads out of the folder, by links neither.
type localPictures struct {
	folder   string
	maxBytes int
}

// load replaces an image_url that is the path of a file by the picture. An address, and a
// path to no file, stay as they are.
func (l *localPictures) load(item *credenza.Item) {
	path := item.ImageURL
	if l == nil || path == "" || strings.Contains(path, "://") || strings.HasPrefix(path, "//") ||
		strings.HasPrefix(path, "data:") || strings.HasPrefix(path, "www.") {
		return
	}
	if data, err := l.read(path); err == nil {
		item.ImageData, item.ImageURL = data, ""
	}
}

// read returns the content of a file, at most what a picture may have. An empty file is an
// error: an item without data would be one without a picture.
func (l *localPictures) read(path string) (data []byte, err error) {
	root, err := os.OpenRoot(l.folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	path = filepath.FromSlash(strings.ReplaceAll(path, `\`, "/"))
	info, err := root.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a file")}
	}
	file, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err = io.ReadAll(io.LimitReader(file, int64(l.maxBytes)+1)) // one byte more is refused as too large
	if err == nil && len(data) == 0 {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("it is empty")}
	}
	return data, err
}
