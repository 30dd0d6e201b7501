package table_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/credenza-dev/credenza/internal/table"
)

// A file says by its characters which encoding of several bytes it is in. A stream cannot be
// read in advance, and is refused.
func TestReader_FindsEncodingsOfSeveralBytes(t *testing.T) {
	for name, c := range map[string]struct {
		charset encoding.Encoding
		text    string
	}{
		"Shift-JIS": {japanese.ShiftJIS, "id,name\n1,ダイニングテーブル\n2,オーク材のテーブル\n"},
		"EUC-JP":    {japanese.EUCJP, "id,name\n1,ダイニングテーブル\n2,オーク材のテーブル\n"},
		"GBK":       {simplifiedchinese.GBK, "id,name\n1,橡木餐桌\n2,三人沙发\n"},
		"Big5":      {traditionalchinese.Big5, "id,name\n1,橡木餐桌與椅子\n2,三人座沙發\n"},
		"EUC-KR":    {korean.EUCKR, "id,name\n1,참나무 식탁 set\n2,삼인용 소파\n"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.charset.NewEncoder().String(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if rows, err := read(t, text, table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), "save it as UTF-8") {
				t.Errorf("from a stream: got %s, %v", brief(rows), err)
			}
			r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := read(t, c.text, table.ReaderConfig{})
			if diff := cmp.Diff(brief(want), brief(rest(r))); err != nil || diff != "" {
				t.Error(err, diff)
			}
			if note := "its letters are read as " + name + ": save it as UTF-8 if they are wrong"; !cmp.Equal(r.Notes(), []string{note}) {
				t.Errorf("got the notes %q", r.Notes())
			}
		})
	}
}

func TestReader_FindsWideEncodings(t *testing.T) {
	for name, c := range map[string]encoding.Encoding{
		"UTF-16, little end, no mark": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
		"UTF-16, big end, no mark":    unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"UTF-32, little end":          utf32.UTF32(utf32.LittleEndian, utf32.UseBOM),
		"UTF-32, big end":             utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
		"UTF-32, big end, no mark":    utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	} {
		for _, plain := range []string{"id;name\n1;Диван серый\n2;Настольная лампа\n", "id,name\n1,ソファベッド北欧\n", "id,name\n1,sofa\n", `[{"id":"1","name":"Größe"}]`} {
			text, err := c.NewEncoder().String(plain)
			if err != nil {
				t.Fatal(err)
			}
			want, err := read(t, plain, table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(t, text, table.ReaderConfig{})
			if diff := cmp.Diff(brief(want), brief(got)); err != nil || diff != "" {
				t.Errorf("%s: %v %s", name, err, diff)
			}
		}
	}
}
