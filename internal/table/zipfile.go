package table

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strings"
)

// randomAccess returns the input for reading at any place. A stream is copied to a
// temporary file first.
func (o *opener) randomAccess(in io.Reader, buffered *bufio.Reader) (*io.SectionReader, error) {
	if file := o.file(in); file != nil {
		return file, nil
	}
	file, err := o.temporary()
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(file, buffered)
	if err != nil {
		return nil, o.at.unreadable(err)
	}
	return io.NewSectionReader(file, 0, n), nil
}

// temporary returns a file that is removed at close. Where the system can, it has no name
// from the beginning, so that a killed process leaves nothing behind.
func (o *opener) temporary() (*os.File, error) {
	file, err := os.CreateTemp("", "credenza-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("%s needs a temporary file: %w", o.at.file, err)
	}
	named := os.Remove(file.Name()) != nil
	o.closes = append(o.closes, func() {
		_ = file.Close() // nothing in it is needed any more
		if named {
			_ = os.Remove(file.Name())
		}
	})
	return file, nil
}

// openZip reads a spreadsheet, and says what any other archive is.
func (o *opener) openZip(in io.Reader, buffered *bufio.Reader) (*Reader, error) {
	file, err := o.randomAccess(in, buffered)
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(file, file.Size())
	if err != nil {
		return nil, o.at.fault("is a spreadsheet or a zip archive, and is damaged or cut off: %v", err)
	}
	if alone := onlyFile(archive); alone != nil && !o.unzip {
		return o.openZipped(alone)
	}
	w, err := newWorkbook(archive, o)
	if err != nil {
		return nil, err
	}
	r, err := w.open(o.cfg.Sheet)
	if err != nil {
		return nil, err
	}
	w.notePictures()
	o.notes = append(o.notes, w.note)
	for _, entry := range w.sheets {
		if !entry.hidden || strings.EqualFold(entry.name, o.cfg.Sheet) {
			r.sheets = append(r.sheets, entry.name)
		}
	}
	return r, nil
}

// readable are the endings of files of products, which may be packed alone.
var readable = wordSet("csv tsv tab txt json jsonl ndjson xml xlsx xlsm xls html parquet")

// onlyFile returns the file of products that an archive has and no other file, nil for any
// other archive.
func onlyFile(archive *zip.Reader) *zip.File {
	var alone *zip.File
	for _, f := range archive.File {
		name := path.Base(f.Name)
		switch {
		case f.Name == "content.xml", f.Name == "word/document.xml", strings.HasPrefix(f.Name, "xl/"):
			return nil // the part of an Office document
		case strings.HasSuffix(f.Name, "/"), strings.HasPrefix(f.Name, "__MACOSX/"), name == ".DS_Store":
		case alone != nil || !readable[strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))]:
			return nil
		default:
			alone = f
		}
	}
	return alone
}

// openZipped reads a file that is packed alone.
func (o *opener) openZipped(f *zip.File) (*Reader, error) {
	in, err := f.Open()
	if err != nil {
		return nil, o.at.fault("is a zip archive, and %s in it cannot be unpacked (%v): unpack it and give the file of products", clip(f.Name), err)
	}
	o.closes = append(o.closes, func() { _ = in.Close() }) // it was read only
	o.gunzip, o.unzip = true, true
	packed := int64(min(f.CompressedSize64, math.MaxInt64/(2*maxShrink))) //nolint:gosec // it fits
	return o.open(&gunzipReader{in: in, packed: &countingReader{n: packed}})
}

// otherArchive returns the fault for an archive that is no workbook.
func (o *opener) otherArchive(archive *zip.Reader) error {
	var names []string
	for _, f := range archive.File {
		switch {
		case f.Name == "xl/workbook.bin":
			return o.at.fault("is a binary workbook (.xlsb): save it as .xlsx")
		case f.Name == "word/document.xml":
			return o.at.fault("is a document of Word: give its table as CSV or XLSX")
		case strings.HasPrefix(f.Name, "Index/") && strings.HasSuffix(f.Name, ".iwa"):
			return o.at.fault("is a document of Numbers: export it as Excel (.xlsx) or CSV")
		case f.Name == "content.xml":
			return o.at.fault("is an OpenDocument spreadsheet: save it as .xlsx or CSV")
		}
		if !strings.HasSuffix(f.Name, "/") && !strings.HasPrefix(f.Name, "__MACOSX") && len(names) < 5 {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return o.at.fault("is an empty zip archive: give a file of products")
	}
	return o.at.fault("is a zip archive (of %s): unpack it and give the file of products", clip(strings.Join(names, ", ")))
}
