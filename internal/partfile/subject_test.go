package partfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestFile_OfAnotherVersion(t *testing.T) {
	const refusal = "out.csv.part was begun by a program of another version, which did not note --%s: continue with that version, or give --overwrite to begin again"
	for name, tt := range map[string]struct {
		now, defaults map[string]string
		refused       string
	}{
		"a new setting at its default":        {map[string]string{"--output": "csv", "--new": "false"}, map[string]string{"--new": "false"}, ""},
		"a new setting":                       {map[string]string{"--output": "csv", "--new": "true"}, map[string]string{"--new": "false"}, fmt.Sprintf(refusal, "new")},
		"a new setting without a default":     {map[string]string{"--output": "csv", "--new": "true"}, nil, fmt.Sprintf(refusal, "new")},
		"a noted setting that differs counts": {map[string]string{"--new": "true", "--output": "xlsx"}, nil, `was begun with --output "csv", now it is "xlsx"`},
		"a setting that is no more":           {map[string]string{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScenario(t)
			f := s.open(Begin)
			s.keep(f, 0)
			s.do(f.Close())
			s.cfg.Subject, s.cfg.Defaults = tt.now, tt.defaults
			if tt.refused != "" {
				s.refused(Resume, tt.refused)
				return
			}
			f = s.open(Resume)
			if got := f.Earlier(); len(got.Records) != 1 {
				t.Errorf("got %+v", got)
			}
			s.do(f.Close())
		})
	}
}

func TestFile_LearnsMoreOnceItIsOpen(t *testing.T) {
	s := newScenario(t)
	s.cfg.More = func(map[string]string) error { return errors.New("unknown") }
	s.refused(Begin, "unknown")
	if entries, err := os.ReadDir(filepath.Dir(s.cfg.Path)); err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v", entries, err)
	}
	more := "a"
	s.cfg.More = func(subject map[string]string) error { subject["more"] = more; return nil }
	f := s.open(Begin)
	s.keep(f, 0)
	s.do(f.Close())
	more = "b"
	s.refused(Resume, `was begun with more "a", now it is "b"`)
	s.cfg.More = func(map[string]string) error { return errors.New("unknown") }
	s.refused(Resume, "unknown")
	s.cfg.More = nil
	s.cfg.Subject["more"] = "a"
	f = s.open(Resume)
	if got := f.Earlier(); len(got.Records) != 1 {
		t.Errorf("got %+v", got)
	}
	s.do(f.Close())
}
