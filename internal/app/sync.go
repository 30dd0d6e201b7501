package app

import (
	"errors"
	"fmt"
	"time"
)

// defaultSync is how soon results of jobs are on disk unless set.
const defaultSync = time.Second

// syncAlways has results on disk before they count as stored.
const syncAlways = "always"

// SyncTime is how soon results of jobs are on disk. Its zero value is unset.
type SyncTime struct{ text string }

// UnmarshalText takes the setting; check finds what is wrong with it.
func (s *SyncTime) UnmarshalText(text []byte) error {
	s.text = string(text)
	return s.valid()
}

func (s SyncTime) valid() error {
	const least, most = 10 * time.Millisecond, time.Hour
	if s.text == "" || s.text == syncAlways {
		return nil
	}
	if d, err := time.ParseDuration(s.text); err != nil || d < least || d > most {
		return fmt.Errorf("sync is %q: give a time from %v to %v such as 1s, or always", s.text, least, most)
	}
	return nil
}

// within is the time, 0 for always.
func (s SyncTime) within() time.Duration {
	switch s.text {
	case "":
		return defaultSync
	case syncAlways:
		return 0
	}
	d, _ := time.ParseDuration(s.text) // it was checked
	return d
}

// checkSync refuses a promise that a cluster's operator has to make.
func (c *Config) checkSync() error {
	if c.Sync.text != "" && c.NATSURL.reveal() != "" {
		return errors.New("sync is for data-dir, and the servers of nats-url sync as they are set up: leave sync out, and set sync_interval there")
	}
	return c.Sync.valid()
}
