package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/credenza-dev/credenza/internal/broker"
)

// Data is what becomes of answers and jobs when the process ends.
type Data uint8

// The choices. With DataNone there are no jobs, and answers are kept in memory
// alone.
const (
	// DataKept keeps them where the settings say.
	DataKept Data = iota
	// DataTemporary keeps them in a folder that is removed by Close, whatever the
	// settings say.
	DataTemporary
	DataNone
	// DataAnswers is DataKept for answers; jobs are left alone.
	DataAnswers
)

// openBroker opens what outlives the process. It is the first part to be opened and
// the last to be closed.
func (a *App) openBroker(ctx context.Context) (err error) {
	config := broker.Config{
		URL: a.config.NATSURL.reveal(), Dir: a.config.DataDir, Replicas: a.config.NATSReplicas, MayBeAway: true, Log: a.log,
		Changed: func(lost error) {
			a.lost.Store(lost != nil)
			a.showReady()
		},
	}
	a.dataPlace = "in memory"
	switch a.options.Data {
	case DataNone:
		return nil
	case DataTemporary:
		config.URL = ""
		config.Dir, err = a.temporaryDir()
	default:
		config.Dir, err = a.config.dataDir()
	}
	if err != nil {
		return err
	}
	a.dataPlace, a.dataFolder = config.Dir, config.Dir
	if config.URL != "" {
		a.dataPlace, a.dataFolder = "in a NATS cluster", ""
	}
	if a.broker, err = broker.Open(ctx, config); err != nil {
		return err
	}
	a.closers = append(a.closers, a.broker.Close)
	return nil
}

// dataDir returns the folder of answers and jobs; empty: a cluster keeps them.
func (c *Config) dataDir() (string, error) {
	if c.DataDir != "" || c.NATSURL.reveal() != "" {
		return c.DataDir, nil
	}
	return usersDataDir()
}

// usersDataDir returns where programs of this user keep their data, by the custom of the
// system.
func usersDataDir() (string, error) {
	const name = "credenza"
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name), nil
	}
	if dir := os.Getenv("LOCALAPPDATA"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("this user has no home folder to keep data in: name a folder in data-dir")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", name), nil
	}
	return filepath.Join(home, ".local", "share", name), nil
}
