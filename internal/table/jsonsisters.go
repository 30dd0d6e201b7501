package table

import "slices"

// toSister goes on to the next list of rows in the object that the last one was in, such
// as one list for each category. It returns false at the object's end.
func (s *jsonSource) toSister() bool {
	if n := len(s.inside); n < 2 || s.inside[n-2] != '{' {
		return false
	}
	for {
		c, err := s.skipSpace()
		switch {
		case err == nil && c == ',':
			s.take()
		case err == nil && c == '"':
			if s.isSister() {
				return true
			}
		default:
			return false
		}
	}
}

// isSister takes a member and returns false, unless it is a list that begins with such a
// row as the last one: then it takes the bracket alone.
func (s *jsonSource) isSister() bool {
	if _, err := s.key(); err != nil {
		return false
	}
	if c, err := s.skipSpace(); err != nil || c != ':' {
		return false
	}
	s.take()
	if c, err := s.skipSpace(); err != nil || c != '[' {
		s.skipRest(0)
		return false
	}
	s.take()
	if c, err := s.skipSpace(); err == nil && c == '{' {
		first, _ := s.in.Peek(s.in.Size())
		if object := members(first); looksLikeRow(object) && s.sharesKeys(object) {
			return true
		}
	}
	s.skipRest(1)
	return false
}

// sharesKeys reports whether most keys of an object are those of the first row.
func (s *jsonSource) sharesKeys(object []member) bool {
	shared := 0
	for _, m := range object {
		if slices.Contains(s.sisterKeys, m.key) {
			shared++
		}
	}
	return 2*shared > len(object) && 2*shared > len(s.sisterKeys)
}

// skipRest takes the rest of a member's value, in which depth brackets are open.
func (s *jsonSource) skipRest(depth int) {
	scanner := objectScanner{depth: depth}
	for {
		next, err := s.in.Peek(1)
		if err != nil || (scanner.depth == 0 && !scanner.inString && (next[0] == ',' || next[0] == '}')) {
			return
		}
		s.take()
		scanner.step(next[0])
	}
}
