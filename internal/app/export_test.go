package app

// HTTPPaths returns the patterns of what the HTTP address answers, for tests.
func (a *App) HTTPPaths() []string { return a.web.Paths() }
