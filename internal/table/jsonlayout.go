package table

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// maxWhole is how large a file may be that must be held in memory, because it is written
// column by column.
const maxWhole = 256 << 20

// unwrap decides what the object in buf is, of which cut says that its end is not there
// yet: a row, or an object with the rows in it.
func (s *jsonSource) unwrap(start position, cut bool) (record, bool, error) {
	r := record{line: start.line}
	object := members(s.buf)
	switch place, ok := findRows(s.buf, object, 0); {
	case isSplit(object):
		s.layout = wrapped
		return r, false, s.enterSplit(start, object)
	case ok:
		s.layout = wrapped
		s.enter(start, place)
		return r, false, nil
	case s.enterLists(start, object):
		return r, false, nil
	case isByColumn(object), isByColumnAndKey(object):
		s.layout = wrapped
		return r, false, s.turnRound(start, cut)
	case cut:
		return r, false, s.recover(start, errRowTooLong)
	case hasEmptyList(object):
		s.layout = wrapped
		return r, false, nil
	case s.layout == unknownLayout && onlyObjects(object):
		return r, false, start.fault("has no list of products, but an object of %s: give the list, or rows such as "+
			"{\"product_name\": \"Oak table\"}", clip(strings.Join(keysOf(object), ", ")))
	}
	if s.layout == unknownLayout {
		s.layout = rowByRow
	}
	return s.object(start, "")
}

// enter goes to the first of the rows within the object in buf.
func (s *jsonSource) enter(start position, place rowsPlace) {
	s.at = start.after(s.buf[:place.at+1])
	s.inside = append(s.inside[:0], place.inside...)
	s.sisterKeys = place.sisterKeys
	s.in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(s.buf[place.at+1:])), s.in), headBytes)
}

// enterLists goes to the lists of values that an object has, if it has any.
func (s *jsonSource) enterLists(start position, object []member) bool {
	m, ok := listsIn(object)
	if !ok {
		return false
	}
	s.layout, s.lists = wrapped, true
	s.enter(start, rowsPlace{at: m.at, inside: []byte("{[")})
	return true
}

// enterSplit goes to the lists of a data frame in the form "split".
func (s *jsonSource) enterSplit(start position, object []member) error {
	data := slices.IndexFunc(object, func(m member) bool { return splitLists[m.key] && m.value[0] == '[' })
	names, _ := namesIn(object, 0)
	list, err := decodeList(names.value)
	if err != nil {
		return start.fault("the columns cannot be read: %v", err)
	}
	s.enter(start, rowsPlace{at: object[data].at, inside: []byte("{[")})
	s.names = uniqueKeys(trimAll(plainList(list, true).List))
	return nil
}

// rowsPlace is where rows are within an object: behind the bracket at a place. inside are
// the brackets that are open there. sisterKeys are the keys of the first row if other
// lists may have such rows too, since no name says that this one has them all.
type rowsPlace struct {
	at         int
	inside     []byte
	sisterKeys []string
}

// member is a member of an object.
type member struct {
	key   string
	value []byte // to its end, or to where the text was cut
	at    int    // where the value begins
	cut   bool   // the text was cut within the value
}

// maxLookInto is how many members are looked at to find out what an object is.
const maxLookInto = 2 * MaxColumns

// members returns the first members of an object, which may be cut anywhere.
func members(text []byte) []member {
	c := valueScanner{rest: text}
	if c.peek() != '{' {
		return nil
	}
	c.rest = c.rest[1:]
	var list []member
	for len(list) < maxLookInto && c.peek() == '"' {
		key, err := decodeString(c.value())
		if err != nil || c.peek() != ':' {
			break
		}
		c.rest = c.rest[1:]
		c.peek()
		m := member{key: key, at: len(text) - len(c.rest)}
		if m.value = c.value(); len(m.value) == 0 {
			break
		}
		m.cut = len(c.rest) == 0
		list = append(list, m)
		if c.peek() != ',' {
			break
		}
		c.rest = c.rest[1:]
	}
	return list
}

// first returns the first element of a list.
func (m member) first() []byte {
	c := valueScanner{rest: m.value[1:]}
	if c.peek() == ']' {
		return nil
	}
	return c.value()
}

func (m member) scalar() bool { return m.value[0] != '{' && m.value[0] != '[' }

// looksLikeRow reports whether an object describes a product by a text, or has one in it
// that does.
func looksLikeRow(object []member) bool {
	return slices.ContainsFunc(object, func(m member) bool {
		return (m.scalar() || m.isTranslated()) && describesProduct(m.key) || m.isHoisted() && looksLikeRow(members(m.value))
	})
}

// isTranslated reports whether a member is a list of one text in several languages, as
// Amazon writes all texts of a product.
func (m member) isTranslated() bool {
	if m.value[0] != '[' {
		return false
	}
	first := m.first()
	return len(first) > 0 && first[0] == '{' && slices.ContainsFunc(members(first), func(part member) bool {
		return part.scalar() && slices.Contains(languageNames, part.key)
	})
}

// isHoisted reports whether a member is an object that has the product in it.
func (m member) isHoisted() bool {
	return m.value[0] == '{' && hoisted[string(fold(nil, m.key))]
}

// hasEmptyList reports whether an object, which is no row, has an empty list where the rows
// would be.
func hasEmptyList(object []member) bool {
	return !looksLikeRow(object) && slices.ContainsFunc(object, func(m member) bool {
		return m.value[0] == '[' && !m.cut && len(m.first()) == 0 && listNames[string(fold(nil, m.key))]
	})
}

// onlyObjects reports whether all that an object has are objects of other things than a
// product, as in an error's report.
func onlyObjects(object []member) bool {
	return len(object) > 0 && !slices.ContainsFunc(object, func(m member) bool {
		return m.value[0] != '{' || m.isHoisted() || describesProduct(m.key)
	})
}

// listNames are the names under which programs put their rows.
var listNames = map[string]bool{
	"products": true, "data": true, "items": true, "results": true, "rows": true, "records": true,
	"entries": true, "articles": true, "catalog": true, "catalogue": true, "listings": true, "nodes": true,
	"edges": true, "hits": true, "docs": true, "documents": true, "value": true, "values": true, "list": true,
	"itemlistelement": true, "features": true, "product": true, "produkte": true, "artikel": true, "produits": true, "productos": true, "prodotti": true,
}

const maxWrapping = 6

// findRows finds the list of rows, or the object of rows by their keys, in an object that
// is no row itself.
func findRows(text []byte, object []member, depth int) (rowsPlace, bool) {
	place, score := bestRows(text, object, depth)
	return place, score > 0
}

// bestRows returns the likeliest place of the rows and its score, see listScore. A list
// further inside goes first if its score is higher.
func bestRows(text []byte, object []member, depth int) (rowsPlace, int) {
	if depth > maxWrapping || describedWholly(object) {
		return rowsPlace{}, 0
	}
	best, score := rowsPlace{}, 0
	var list member
	for _, m := range object {
		if this := m.listScore(); this > score || this == score && this > 0 && m.hasColumnsOf(list) {
			list, best, score = m, rowsPlace{m.at, []byte("{["), m.sisterKeys()}, this
		}
	}
	if looksLikeRow(object) {
		if score < maxListScore {
			return rowsPlace{}, 0
		}
		return best, score
	}
	if score == 0 && isRowsByKey(object) {
		return rowsPlace{at: bytes.IndexByte(text, '{'), inside: []byte("{")}, 1
	}
	for _, m := range object {
		if m.value[0] != '{' || score == maxListScore {
			continue
		}
		if place, this := bestRows(m.value, members(m.value), depth+1); this > score {
			best, score = rowsPlace{m.at + place.at, append([]byte("{"), place.inside...), place.sisterKeys}, this
		}
	}
	return best, score
}

// describedWholly reports whether an object has more of a product than the title and the
// description that a file may have too.
func describedWholly(object []member) bool {
	if !looksLikeRow(object) {
		return false
	}
	return slices.ContainsFunc(object, func(m member) bool {
		known, ok := columns[string(fold(nil, m.key))]
		return ok && known.field != fieldName && known.field != fieldDescription && known.field != fieldID
	}) || len(object) > 12
}

const maxListScore = 2

// listScore says how likely a list has the rows: 2 if its name says so and the first
// looks like one, 1 for one of the two, 0 if it is no list of objects.
func (m member) listScore() int {
	if m.value[0] != '[' {
		return 0
	}
	first := m.first()
	if len(first) == 0 || first[0] != '{' {
		return 0
	}
	score := 0
	if listNames[string(fold(nil, m.key))] {
		score++
	}
	if object := members(first); looksLikeRow(object) || (len(object) == 1 && object[0].value[0] == '{') {
		score++
	}
	return score
}

// hasColumnsOf reports whether the first object of a list has, itself or in its only object, a
// member that the first object of the other list names: that one describes the columns.
func (m member) hasColumnsOf(other member) bool {
	for _, c := range members(other.first()) {
		name, err := decodeString(c.value)
		if c.key != "name" || c.value[0] != '"' || err != nil {
			continue
		}
		return slices.ContainsFunc(members(m.first()), func(cell member) bool {
			return cell.key == name || cell.isHoisted() && slices.Contains(keysOf(members(cell.value)), name)
		})
	}
	return false
}

func (m member) sisterKeys() []string {
	if listNames[string(fold(nil, m.key))] {
		return nil
	}
	return keysOf(members(m.first()))
}

// isRowsByKey reports whether every member is a row.
func isRowsByKey(object []member) bool {
	for i, m := range object {
		if m.value[0] != '{' || m.isHoisted() {
			return false
		}
		if !looksLikeRow(members(m.value)) && (!m.cut || i == 0) {
			return false
		}
	}
	return len(object) > 0
}

// isSplit reports whether an object is a data frame in pandas' form "split", and has no list
// of products. Names further inside are the columns' if nothing else can name them.
func isSplit(object []member) bool {
	i := slices.IndexFunc(object, func(m member) bool {
		if !splitLists[m.key] || m.value[0] != '[' {
			return false
		}
		first := m.first()
		return len(first) > 0 && first[0] == '['
	})
	names, ok := namesIn(object, 0)
	if i < 0 || !ok || slices.ContainsFunc(object, func(m member) bool { return !splitNames[m.key] && m.listScore() == maxListScore }) {
		return false
	}
	if _, own := namesIn(object, maxWrapping); own {
		return true
	}
	_, headed := listsIn(object)
	return !headed && !looksLikeRow(object) && gjson.GetBytes(names.value, "#").Int() >= gjson.GetBytes(object[i].first(), "#").Int()
}

// namesIn returns the list of the columns' names that an object has, or one within it that
// describes the rows: {"meta": {"view": {"columns": [...]}}}.
func namesIn(object []member, depth int) (member, bool) {
	for _, m := range object {
		if splitNames[m.key] && m.value[0] == '[' && !m.cut {
			return m, true
		}
	}
	for _, m := range object {
		if m.value[0] != '{' || depth == maxWrapping {
			continue
		}
		if names, ok := namesIn(members(m.value), depth+1); ok {
			return names, true
		}
	}
	return member{}, false
}

// splitNames and splitLists are the members of an object that has the columns' names and lists
// of their values.
var (
	splitNames = wordSet("columns headers header fields")
	splitLists = wordSet("data rows records values")
)

// listsIn returns the lists of values below a list of the columns' names that an object has,
// such as those of a range in Google Sheets.
func listsIn(object []member) (m member, ok bool) {
	i := slices.IndexFunc(object, func(m member) bool {
		if !splitLists[m.key] || m.value[0] != '[' {
			return false
		}
		names := m.first()
		if len(names) == 0 || names[0] != '[' {
			return false
		}
		list, err := decodeList(append(bytes.Clone(names), ']'))
		return err == nil && knownNames(list.List) > 0
	})
	if i < 0 {
		return member{}, false
	}
	return object[i], true
}

// turnRound makes rows of the columns of the object in buf.
func (s *jsonSource) turnRound(start position, cut bool) error {
	if cut {
		if err := s.collectMore(maxWhole); err != nil {
			if errors.Is(err, errRowTooLong) {
				return start.fault("is written column by column and has over %d MiB: write it row by row "+
					"(in pandas: to_json(..., orient=\"records\", lines=True))", maxWhole>>20)
			}
			return s.recover(start, err)
		}
	}
	columns, err := decodeRowOfColumns(ReplaceNaN(s.buf), start)
	if err != nil {
		return err
	}
	s.ready = rowsOf(columns, start)
	return nil
}
