package app

import (
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
	return nil
}

// within returns the time, 0 for always.
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

// checkStore also refuses a promise that a cluster's operator has to make.
func (c *Config) checkStore(w *wrongs) {
	c.NATSURL.check(w)
	if c.Sync.text == "" {
		return
	}
	if c.NATSURL.reveal() != "" {
		w.add("sync nats-url", "sync is for data-dir, and the servers of nats-url sync as they are set up: leave sync out, and set sync_interval there")
	}
	const least, most = 10 * time.Millisecond, time.Hour
	if d, err := time.ParseDuration(c.Sync.text); c.Sync.text != syncAlways && (err != nil || d < least || d > most) {
		w.add("sync", "sync is %q: give a time from %v to %v such as 1s, or always", c.Sync.text, least, most)
	}
}
