package web

import "io"

// maxBlanks is how much white space in a row is left as it is: more than any
// program indents by, so that the places in errors are right.
const maxBlanks = 1 << 10

// squeezer shortens white space between the parts of JSON to maxBlanks.
// json.Decoder reads all of it again with each piece that comes, so that a body of
// nothing else would take minutes.
type squeezer struct {
	in                io.Reader
	inString, escaped bool
	blanks            int // in a row
}

// Read reads what is left.
func (s *squeezer) Read(p []byte) (int, error) {
	for {
		n, err := s.in.Read(p)
		if kept := s.squeeze(p[:n]); kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}

// squeeze moves what is kept to the front of p, and returns how much that is.
func (s *squeezer) squeeze(p []byte) (kept int) {
	for _, c := range p {
		blank := false
		switch {
		case s.escaped:
			s.escaped = false
		case s.inString:
			s.escaped = c == '\\'
			s.inString = c != '"'
		case c == '"':
			s.inString = true
		default:
			blank = c == ' ' || c == '\t' || c == '\r' || c == '\n'
		}
		if !blank {
			s.blanks = 0
		} else if s.blanks++; s.blanks > maxBlanks {
			continue
		}
		p[kept] = c
		kept++
	}
	return kept
}
