package llm

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// endpointPath is what chat completions are asked under, below an API's root.
const endpointPath = "/chat/completions"

// versioned matches a path that already ends at an API's root.
var versioned = regexp.MustCompile(`/(?:v\d+[a-z0-9]*|openai|api)$`)

// slashes matches what becomes of a base URL to which "/v1" was added after its slash. There
// are proxies that have the address behind them in their path, of which the slashes stay.
var slashes = regexp.MustCompile(`(^|[^:/])/{2,}`)

// endpoints returns the addresses under which a base URL may mean chat completions, the
// likeliest first. The query of the base URL is kept, with more added: Azure has its
// version there. A base URL that is the whole address stands alone.
func endpoints(base string, query url.Values) ([]string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	u.RawQuery = mergeQuery(u.RawQuery, query)
	root := strings.TrimRight(slashes.ReplaceAllString(u.Path, "$1/"), "/")
	if strings.HasSuffix(root, endpointPath) {
		return []string{withPath(u, root)}, nil
	}
	paths := []string{root + endpointPath}
	switch {
	case strings.HasSuffix(root, "/v1"):
		paths = append(paths, strings.TrimSuffix(root, "/v1")+endpointPath)
	case strings.HasSuffix(root, "/v1beta"): // Gemini
		paths = append(paths, root+"/openai"+endpointPath)
	case root == "":
		paths = append(paths, "/v1"+endpointPath, "/api/v1"+endpointPath, "/openai/v1"+endpointPath, "/api"+endpointPath)
	case !versioned.MatchString(root) || strings.HasSuffix(root, "/api") || strings.HasSuffix(root, "/openai"):
		paths = append(paths, root+"/v1"+endpointPath)
	}
	if above := path.Dir(root); !versioned.MatchString(root) && versioned.MatchString(above) { // another endpoint of the API
		paths = append(paths, above+endpointPath)
	}
	var list []string
	for _, p := range paths {
		list = append(list, withPath(u, p))
	}
	return list, nil
}

func withPath(u *url.URL, path string) string {
	c := *u
	c.Path, c.RawPath = path, ""
	return c.String()
}

// mergeQuery adds values to a query as it stands, without sorting what is there.
func mergeQuery(raw string, more url.Values) string {
	have, err := url.ParseQuery(raw)
	if err != nil {
		return raw
	}
	for name, values := range more {
		if have.Has(name) {
			continue
		}
		for _, v := range values {
			if raw != "" {
				raw += "&"
			}
			raw += url.QueryEscape(name) + "=" + url.QueryEscape(v)
		}
	}
	return raw
}

// publicURL returns an address without its user, query and fragment, which may be secret.
func publicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the configured address"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
