package table

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/net/html"
)

// sharedTexts are the texts that the cells of a workbook refer to by number. Those that
// do not fit into maxShared bytes of memory are in a temporary file.
type sharedTexts struct {
	ends []int64 // where each text ends
	mem  []byte
	file *os.File
}

// These are how many bytes of shared texts are in memory, and how many texts in how many
// bytes of XML are taken: more than a sheet has in practice.
const (
	maxShared    = 48 << 20
	maxTexts     = 20_000_000
	maxTextBytes = 4 << 30
)

// size returns the bytes of the first n texts.
func (s *sharedTexts) size(n int) int64 {
	if n == 0 {
		return 0
	}
	return s.ends[n-1]
}

// text returns a text by its number.
func (s *sharedTexts) text(n int) (string, error) {
	if n < 0 || n >= len(s.ends) {
		return "", fmt.Errorf("it has no shared text %d", n)
	}
	start, end := s.size(n), s.ends[n]
	if end <= int64(len(s.mem)) {
		return string(s.mem[start:end]), nil
	}
	buf := make([]byte, end-start)
	_, err := s.file.ReadAt(buf, start-int64(len(s.mem)))
	return string(buf), err
}

// readTexts reads the shared texts of a workbook.
func (w *workbook) readTexts(part *zip.File) error {
	if part == nil {
		return nil
	}
	in, err := part.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was read only
	s := &w.texts
	s.mem = make([]byte, 0, min(maxShared, part.UncompressedSize64/2))
	var spill *bufio.Writer
	tags := newTagReader(in, w.opener.cfg.MaxRowBytes)
	tags.most = maxTextBytes
	for {
		kind, err := tags.next()
		if errors.Is(err, io.EOF) && spill != nil {
			return spill.Flush()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && len(s.ends) == maxTexts {
			err = errLargePart
		}
		var text string
		if err == nil && kind == html.StartTagToken && tags.name == "si" {
			if text, _, err = tags.content("si"); err == nil {
				spill, err = w.addText(text, spill)
			}
		}
		if err != nil {
			return err
		}
	}
}

// addText adds a text in memory, or in the file behind spill once memory is full.
func (w *workbook) addText(text string, spill *bufio.Writer) (*bufio.Writer, error) {
	s := &w.texts
	s.ends = append(s.ends, s.size(len(s.ends))+int64(len(text)))
	if spill == nil && len(s.mem)+len(text) <= maxShared {
		s.mem = append(s.mem, text...)
		return nil, nil
	}
	if spill == nil {
		file, err := w.opener.temporary()
		if err != nil {
			return nil, err
		}
		s.file, spill = file, bufio.NewWriterSize(file, 1<<20)
	}
	_, err := spill.WriteString(text)
	return spill, err
}
