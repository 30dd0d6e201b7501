package page

// galleryImages returns the pictures in the scripts of Magento's gallery, the main one
// first: {"data": [{"thumb": ..., "img": ..., "full": ..., "isMain": true}]}.
func (s *scan) galleryImages() []string {
	g := &gallery{}
	for _, text := range s.galleries {
		for _, v := range parseLenient(text) {
			g.visit(v, 0)
		}
	}
	return append(g.main, g.others...)
}

type gallery struct{ main, others []string }

func (g *gallery) visit(v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			g.visit(e, depth+1)
		}
	case map[string]any:
		full, _ := v["full"].(string)
		if _, shown := v["img"].(string); full != "" && shown {
			if v["isMain"] == "true" || v["isMain"] == true {
				keep(&g.main, full)
			} else {
				keep(&g.others, full)
			}
			return
		}
		for _, key := range sortedKeys(v) {
			g.visit(v[key], depth+1)
		}
	}
}
