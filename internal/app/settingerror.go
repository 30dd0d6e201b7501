package app

import (
	"errors"
	"fmt"
	"strings"
)

// SettingError is a problem with what the settings file or the environment says.
// The command line, which kong's errors are about, is not to blame for it.
type SettingError struct {
	// Setting is the flag's name without dashes; empty for a problem of the whole file.
	Setting string
	text    string
}

// Error returns one line with the file and the line, or the variable.
func (e *SettingError) Error() string { return e.text }

func settingError(setting, format string, args ...any) error {
	return &SettingError{setting, fmt.Sprintf(format, args...)}
}

// WrongSetting is an error of a value, wherever it was set.
type WrongSetting struct {
	// Setting is the flag's name without dashes.
	Setting string
	names   []string // of all settings that the text is about
	cause   error
}

// wrong returns a *WrongSetting about settings, whose names blanks separate.
func wrong(settings, format string, args ...any) error {
	names := strings.Fields(settings)
	return &WrongSetting{names[0], names, fmt.Errorf(format, args...)}
}

// Error returns one line, with the settings' names.
func (e *WrongSetting) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *WrongSetting) Unwrap() error { return errors.Unwrap(e.cause) }

// all returns the errors of a type in a tree of errors.
func all[T error](err error) (found []T) {
	switch e := any(err).(type) {
	case T:
		return []T{e}
	case interface{ Unwrap() []error }:
		for _, branch := range e.Unwrap() {
			found = append(found, all[T](branch)...)
		}
	case interface{ Unwrap() error }:
		return all[T](e.Unwrap())
	}
	return found
}
