package app

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/spelling"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// checkModels warns of models that their server does not list, or is about to shut down:
// once for each model and server. Servers without a list are passed over.
func (a *App) checkModels(ctx context.Context) {
	type place struct{ base, model string }
	seen := map[place]bool{}
	for _, t := range a.config.targets() {
		if here := (place{t.BaseURL, t.Model}); !seen[here] {
			seen[here] = true
			if list, err := a.model.Models(ctx, t, a.config.firstKey(t.Group).Reveal()); err == nil {
				warnOfModel(a.log, t, list)
			}
		}
	}
}

func warnOfModel(log *zap.Logger, t llm.Target, list *llm.ModelList) {
	if len(list.Models) == 0 {
		return // it says nothing
	}
	fields := []zap.Field{
		zap.String("model", t.Model), zap.String("host", hostOf(t.BaseURL)), zap.Strings("listed", nearestModels(t.Model, list)),
	}
	switch m := list.Find(t.Model); {
	case m == nil:
		log.Warn("the model's server does not list the model, and may refuse it", fields...)
	case m.Ends != "":
		log.Warn("the model's server shuts the model down: name another one in time", append(fields,
			zap.String("ends", m.Ends), zap.String("successor", m.Successor))...)
	}
}

// mostNamed is how many of a server's models are named at most.
const mostNamed = 5

// nearestModels returns a few names of a list, those first that resemble the name most.
func nearestModels(name string, list *llm.ModelList) []string {
	far := func(m llm.ListedModel) int {
		other, name := strings.ToLower(m.Name), strings.ToLower(name)
		if strings.Contains(other, name) {
			return 0
		}
		return spelling.Distance(name, other)
	}
	var names []string
	for _, m := range slices.SortedStableFunc(slices.Values(list.Models), func(a, b llm.ListedModel) int { return cmp.Compare(far(a), far(b)) }) {
		if len(names) < mostNamed && m.Name != name {
			names = append(names, m.Name)
		}
	}
	return names
}

// firstKey returns the first key of a group.
func (c *Config) firstKey(group string) upstream.Secret {
	for _, g := range c.groups() {
		if g.Name == group {
			return g.Keys[0].Secret
		}
	}
	return upstream.Secret{}
}

// hostOf returns the host and port of an address, without what may be secret in it.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
