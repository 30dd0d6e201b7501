package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// opener finds out what an input is and how to read it.
type opener struct {
	cfg    ReaderConfig
	at     position
	gunzip bool // the input is what was compressed
	unzip  bool // the input was alone in an archive
	notes  []note
	closes []func()
}

// note adds a note that is known already.
func (o *opener) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	o.notes = append(o.notes, func() string { return text })
}

func (o *opener) close() {
	for _, c := range o.closes {
		c()
	}
	o.closes = nil
}

// closeLast closes what was opened last.
func (o *opener) closeLast() {
	last := len(o.closes) - 1
	o.closes[last]()
	o.closes = o.closes[:last]
}

// open goes by the first bytes.
func (o *opener) open(in io.Reader) (*Reader, error) {
	buffered := bufio.NewReaderSize(in, headBytes)
	head, err := peekLine(buffered)
	if err != nil {
		return nil, o.at.unreadable(err)
	}
	for _, s := range signatures() {
		begin := head
		if strings.HasPrefix(s.prefix, "PK") { // a server's script may have sent line ends first
			begin = bytes.TrimLeft(head, " \t\r\n"+byteOrderMark)
		}
		if !bytes.HasPrefix(begin, []byte(s.prefix)) {
			continue
		}
		if s.open == nil {
			return nil, o.at.fault("%s", s.advice)
		}
		return s.open(o, in, buffered)
	}
	return o.openText(in, buffered, head)
}

// noSheet returns a fault if a sheet is asked for.
func (o *opener) noSheet() error {
	if o.cfg.Sheet == "" {
		return nil
	}
	return o.at.fault("is not a spreadsheet and has no sheet %q: leave --sheet out", o.cfg.Sheet)
}

// openCompound says what a file of old Office programs is.
func (o *opener) openCompound(in io.Reader, buffered *bufio.Reader) (*Reader, error) {
	file, err := o.randomAccess(in, buffered)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, 16<<20))
	if err != nil {
		return nil, o.at.unreadable(err)
	}
	if bytes.Contains(content, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e")) {
		return nil, o.at.fault("is protected by a password: open it, remove the password, and save it")
	}
	if !bytes.Contains(content, []byte("B\x00o\x00o\x00k\x00")) && !bytes.Contains(content, []byte("b\x00o\x00o\x00k\x00")) {
		return nil, o.at.fault("is a file of an old Office program and no spreadsheet: give a file of products")
	}
	return nil, o.at.fault("is a spreadsheet in the format of Excel 97 (.xls): save it as .xlsx or CSV")
}

// openText reads what is no binary format.
func (o *opener) openText(in io.Reader, buffered *bufio.Reader, head []byte) (*Reader, error) {
	if wideEncoding(head) == nil && looksBinary(head) {
		return nil, o.at.fault("is neither text nor a kind of file that can be read: save it as CSV, XLSX or JSON")
	}
	for _, s := range textSignatures {
		if s.begin.Match(head) {
			return nil, o.at.fault("%s", s.advice)
		}
	}
	if err := o.noSheet(); err != nil {
		return nil, err
	}
	dialect := Dialect{BOM: hasMark(head)}
	text, note, err := textOf(buffered, head, o.whole(in))
	if err != nil {
		return nil, o.at.unreadable(err)
	}
	o.notes = append(o.notes, note)
	if head, err = peekLine(text); err != nil {
		return nil, o.at.unreadable(err)
	}
	if len(bytes.Trim(head, blankBytes)) == 0 && len(head) < headBytes {
		return nil, o.at.fault("is empty: it needs a header and a row, or JSON objects")
	}
	if n := scriptEnd(head); n > 0 && o.cfg.Format != CSV {
		_, _ = text.Discard(n) // it is buffered
		return &Reader{source: newJSONSource(text, o.at, o.cfg.MaxRowBytes), kind: "json"}, nil
	}
	if o.cfg.Format == JSON || (o.cfg.Format == Auto && looksLikeJSON(head)) {
		return &Reader{source: newJSONSource(text, o.at, o.cfg.MaxRowBytes), kind: "json"}, nil
	}
	if o.cfg.Format == Auto && looksLikeXML(head) {
		return o.openMarkup(text, head)
	}
	csv, scanner, err := newCSVSource(text, o.at, o.cfg.MaxRowBytes)
	if err != nil {
		return nil, err
	}
	dialect.Separator = rune(scanner.sep)
	return headedReader(csv, "csv", dialect), nil
}

func headedReader(s *headedSource, kind string, d Dialect) *Reader {
	return &Reader{source: s, kind: kind, columns: s.names, header: s.header, dialect: d, fit: s.fit}
}

// blankBytes are white space, and the end mark of old systems.
const blankBytes = " \t\r\n\x1a"

// file returns the input for reading it at any place, nil for a stream.
func (o *opener) file(in io.Reader) *io.SectionReader {
	switch sized, ok := in.(interface {
		io.ReaderAt
		Size() int64
	}); {
	case o.gunzip:
		return nil
	case o.cfg.File != nil:
		return io.NewSectionReader(o.cfg.File, 0, o.cfg.File.Size())
	case ok:
		return io.NewSectionReader(sized, 0, sized.Size())
	}
	return nil
}

// whole returns the input for reading it in advance, nil for a stream.
func (o *opener) whole(in io.Reader) io.Reader {
	if file := o.file(in); file != nil {
		return file
	}
	return nil
}

// textSignatures are the kinds of texts that cannot be read. Unlike CSV with a column such as
// "Price", the second line of SYLK begins with the name of a record.
var textSignatures = []struct {
	begin  *regexp.Regexp
	advice string
}{
	{regexp.MustCompile(`^ID;P[A-Z0-9]*(?:;[A-Z])*\r?\n(?:[BCFOPW]|N[NEU]);[A-Z]`), "is a sheet in the format SYLK: save it as .xlsx or CSV"},
	{sqlComment, sqlAdvice},
	{sqlStatement, sqlAdvice},
}

const sqlAdvice = "is a dump of a database in SQL: export the table of products as CSV or JSON"

// sqlComment and sqlStatement are how the dumps of databases begin: with a comment that says so,
// or with a statement. A title of a table may begin with dashes, and a column may be "Set names".
var (
	sqlComment   = regexp.MustCompile(`(?i)^(?:\xef\xbb\xbf)?\s*-- [\w .-]*\bdump\b`)
	sqlStatement = regexp.MustCompile(`(?i)^(?:\xef\xbb\xbf)?\s*(?:/\*!\d|INSERT INTO \S|DROP TABLE IF EXISTS|` +
		`DROP TABLE \S+;\s|CREATE TABLE (?:IF NOT EXISTS )?\S+ ?\(|SET NAMES '?\w+'?;\s|SET \w+ ?=|PRAGMA \w+ ?=|BEGIN TRANSACTION;\s)`)
)

// signature is how a kind of file begins.
type signature struct {
	prefix string
	// open reads such a file. nil: it cannot be read, and advice is the way out.
	open   func(o *opener, in io.Reader, buffered *bufio.Reader) (*Reader, error)
	advice string
}

// signatures are the kinds of files that are no text.
func signatures() []signature {
	return []signature{
		{prefix: "\x1f\x8b", open: (*opener).openGzip},
		{prefix: "PK\x03\x04", open: (*opener).openZip},
		{prefix: "PK\x05\x06", open: (*opener).openZip},
		{prefix: "\xd0\xcf\x11\xe0", open: (*opener).openCompound},
		{prefix: "\x28\xb5\x2f\xfd", advice: "is compressed with zstd: unpack it first (unzstd), or compress it with gzip"},
		{prefix: "BZh", advice: "is compressed with bzip2: unpack it first (bunzip2), or compress it with gzip"},
		{prefix: "\xfd7zXZ\x00", advice: "is compressed with xz: unpack it first (unxz), or compress it with gzip"},
		{prefix: "7z\xbc\xaf\x27\x1c", advice: "is a 7z archive: unpack it first"},
		{prefix: "Rar!", advice: "is a RAR archive: unpack it first"},
		{prefix: "%PDF", advice: "is a PDF document: export the products as CSV, XLSX or JSON"},
		{prefix: "SQLite format 3", advice: "is a database of SQLite: export the table as CSV"},
		{prefix: "\x89PNG", advice: "is a picture: give a file of products, with the picture's address in a column image_url"},
		{prefix: "\xff\xd8\xff", advice: "is a picture: give a file of products, with the picture's address in a column image_url"},
		{prefix: "GIF8", advice: "is a picture: give a file of products, with the picture's address in a column image_url"},
		{prefix: "PAR1", open: (*opener).openParquet},
		{prefix: "Obj\x01", advice: "is an Avro file: convert it to Parquet, CSV or JSON lines"},
		{prefix: "ARROW1", advice: "is an Arrow file (Feather): convert it to Parquet, CSV or JSON lines"},
		{prefix: "ORC", advice: "is an ORC file: convert it to Parquet, CSV or JSON lines"},
		{prefix: "\x80\x05\x95", advice: "is a pickle of Python: save the data frame by to_csv, to_json or to_parquet"},
		{prefix: "\xff\xff\xff\xff", advice: "is a stream of Arrow: convert it to Parquet, CSV or JSON lines"},
		{prefix: "\x89HDF", advice: "is an HDF5 file: convert it to Parquet, CSV or JSON lines"},
		{prefix: "\x93NUMPY", advice: "is an array of NumPy: convert it to Parquet, CSV or JSON lines"},
		{prefix: "{\\rtf", advice: "is a document in RTF: save it as plain text, or give its table as CSV or XLSX"},
		{prefix: "MIME-Version:", advice: "is a web archive (.mht), as which old programs save sheets: save it as .xlsx or CSV"},
		{prefix: "\x80\x02", advice: "is a pickle of Python: save the data frame by to_csv, to_json or to_parquet"},
		{prefix: "\x80\x03", advice: "is a pickle of Python: save the data frame by to_csv, to_json or to_parquet"},
		{prefix: "\x80\x04\x95", advice: "is a pickle of Python: save the data frame by to_csv, to_json or to_parquet"},
	}
}

// looksBinary reports whether more than one byte in eight is a control character.
func looksBinary(head []byte) bool {
	n := 0
	for _, c := range head {
		if c < ' ' && bytes.IndexByte([]byte(blankBytes+"\f\v\x1b\x1f"), c) < 0 {
			n++
		}
	}
	return n > len(head)/8
}

// openGzip reads what is compressed.
func (o *opener) openGzip(_ io.Reader, buffered *bufio.Reader) (*Reader, error) {
	if o.gunzip {
		return nil, o.at.fault("is compressed twice: unpack it first (gunzip)")
	}
	o.gunzip = true
	packed := &countingReader{in: buffered}
	unpacked, err := gzip.NewReader(bufio.NewReader(packed))
	if err != nil {
		return nil, o.at.fault("is compressed and cannot be unpacked: %v", err)
	}
	return o.open(&gunzipReader{in: unpacked, packed: packed})
}

type countingReader struct {
	in io.Reader
	n  int64
}

// Read reads and counts.
func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.n += int64(n)
	return n, err
}

// A catalogue shrinks to a tenth, to a fiftieth if it repeats itself. What shrinks to
// less than a part in maxShrink is made to fill a disk.
const (
	maxShrink   = 300
	shrinkAfter = 64 << 20
)

var errBomb = errors.New("it unpacks to over 300 times its size, like a file that is made to fill a disk: unpack it first if it is meant so")

// gunzipReader refuses bombs.
type gunzipReader struct {
	in     io.Reader
	packed *countingReader
	n      int64
}

// Read reads what is unpacked.
func (r *gunzipReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if r.n += int64(n); r.n > shrinkAfter && r.n > maxShrink*r.packed.n {
		return 0, errBomb
	}
	return n, err
}

// peekLine returns the input up to its first line end behind something visible,
// at most headBytes of it.
func peekLine(in *bufio.Reader) ([]byte, error) {
	for want := 1; ; {
		_, err := in.Peek(want)
		head, _ := in.Peek(in.Buffered())
		text := bytes.TrimLeft(head, " \t\r\n")
		if bytes.IndexByte(text, '\n') >= 0 || len(head) == in.Size() || errors.Is(err, io.EOF) {
			return head, nil
		}
		if err != nil {
			return nil, err
		}
		want = len(head) + 1
	}
}

// scriptStart is what stands in front of JSON in a script, in an answer for a page's script,
// and where a server keeps others' pages from running it.
var scriptStart = regexp.MustCompile(`^[ \t\r\n]*(?:\)\]\}',?[ \t\r\n]*|(?:export +default +|(?:export +)?(?:(?:var|let|const) +)?[A-Za-z_$][\w$.]*(?:: *[\w<>\[\]]+)? *[=(] *)(\[\s*(?:[{\[]|$)|\{\s*(?:["'\w]|$)))`)

// scriptEnd returns how long what stands in front of JSON is, 0 for nothing.
func scriptEnd(head []byte) int {
	switch found := scriptStart.FindSubmatchIndex(head); {
	case found == nil:
		return 0
	case found[2] >= 0:
		return found[2]
	default:
		return found[1]
	}
}

func looksLikeJSON(head []byte) bool {
	text := bytes.TrimLeft(head, " \t\r\n\x1e")
	if bytes.HasPrefix(text, []byte("//")) || bytes.HasPrefix(text, []byte("/*")) {
		return true
	}
	if len(text) == 0 || (text[0] != '{' && text[0] != '[') {
		return false
	}
	// A CSV header may begin with a bracket, but hardly goes on like JSON.
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(rest) == 0 || bytes.IndexByte([]byte(`{}[]"'/`), rest[0]) >= 0
}
