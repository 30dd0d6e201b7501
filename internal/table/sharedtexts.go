package table

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// sharedTexts are the texts that the cells of a workbook refer to by number. Those that
// do not fit into maxShared bytes of memory are in a temporary file.
type sharedTexts struct {
	ends []int64 // where each text ends
	mem  []byte
	file *os.File
}

const maxShared = 48 << 20

// text returns a text by its number.
func (s *sharedTexts) text(n int) (string, error) {
	if s == nil || n < 0 || n >= len(s.ends) {
		return "", fmt.Errorf("it has no shared text %d", n)
	}
	start := int64(0)
	if n > 0 {
		start = s.ends[n-1]
	}
	end := s.ends[n]
	if end <= int64(len(s.mem)) {
		return string(s.mem[start:end]), nil
	}
	buf := make([]byte, end-start)
	_, err := s.file.ReadAt(buf, start-int64(len(s.mem)))
	return string(buf), err
}

// readTexts reads the shared texts.
func (w *workbook) readTexts(name string) error {
	file := w.file(name)
	if file == nil {
		return nil
	}
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was read only
	return w.collectTexts(newXMLReader(in, w.opener.cfg.MaxRowBytes), file)
}

func (w *workbook) collectTexts(e *xmlReader, part *zip.File) error {
	s := &sharedTexts{mem: make([]byte, 0, min(maxShared, part.UncompressedSize64/2))}
	w.texts = s
	var one bytes.Buffer
	text := visibleText{}
	spill := &textSpill{texts: s, opener: w.opener}
	for {
		t, err := e.token()
		if errors.Is(err, io.EOF) {
			return spill.flush()
		}
		if err != nil {
			return err
		}
		if !text.add(&one, t) {
			continue
		}
		if err := spill.add(one.Bytes()); err != nil {
			return err
		}
		one.Reset()
	}
}

// visibleText collects the visible text of an element si or is: its t, without those of rPh,
// which say how it is read aloud.
type visibleText struct{ in, phonetic bool }

// add adds a token, and reports whether the element has ended.
func (x *visibleText) add(to *bytes.Buffer, t xmlToken) bool {
	switch t.kind {
	case xmlStart:
		x.in = t.name == "t"
		x.phonetic = x.phonetic || t.name == "rPh"
	case xmlText:
		if x.in && !x.phonetic {
			to.Write(t.text)
		}
	case xmlEnd:
		x.in = false
		switch t.name {
		case "rPh":
			x.phonetic = false
		case "si", "is":
			return true
		}
	}
	return false
}

// These are how many shared texts are taken and how long they may be in all: more than a
// sheet has in practice.
const (
	maxTexts     = 50_000_000
	maxTextBytes = 4 << 30
)

// textSpill adds texts, first in memory, then in a file.
type textSpill struct {
	texts  *sharedTexts
	opener *opener
	buf    []byte
}

func (p *textSpill) add(text []byte) error {
	s := p.texts
	if len(s.ends) == maxTexts || (len(s.ends) > 0 && s.ends[len(s.ends)-1] > maxTextBytes) {
		return errLargePart
	}
	end := int64(len(text))
	if n := len(s.ends); n > 0 {
		end += s.ends[n-1]
	}
	s.ends = append(s.ends, end)
	if s.file == nil && end <= maxShared {
		s.mem = append(s.mem, text...)
		return nil
	}
	if s.file == nil {
		var err error
		if s.file, err = p.opener.temporary(); err != nil {
			return err
		}
	}
	p.buf = append(p.buf, text...)
	if len(p.buf) < 1<<20 {
		return nil
	}
	return p.flush()
}

func (p *textSpill) flush() error {
	if p.texts.file == nil {
		return nil
	}
	_, err := p.texts.file.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}
