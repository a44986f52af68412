package ui_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestScreens shows every page at the width of a telephone and a desk, light and dark, and of a tablet: nothing is wider than the window but what
// scrolls by itself, nothing is refused or missing, and what is there without scripts is there with them. The pictures are for people to look at.
func TestScreens(t *testing.T) {
	s := shop(t)
	s.stock()
	examples := s.examples()
	c := newChromium(t, s)
	for _, name := range slices.Sorted(maps.Keys(examples)) {
		if alike[name] {
			continue
		}
		for i, path := range examples[name] {
			c.window(360, false, true)
			c.open(path)
			for _, width := range []int64{360, 768, 1440} {
				for scheme, dark := range map[string]bool{"light": false, "dark": true} {
					if dark && width == 768 || i > 0 && name != "web.version" && (dark || width > 360) { // they differ little from the others
						continue
					}
					c.window(width, dark, true)
					if wide := c.evaluate(tooWide); wide != "" {
						t.Errorf("%s at %d: %s", path, width, wide)
					}
					c.screenshot(fmt.Sprintf("%s-%d-%d-%s", strings.TrimPrefix(name, "web."), i, width, scheme))
				}
			}
			c.window(1440, false, false)
			c.open(path)
			if shown := c.text("main"); len(shown) < 40 || strings.Contains(shown, "Copy") {
				t.Errorf("%s without scripts: %q", path, shown)
			}
		}
	}
}

// alike are pages that are made of the same parts as others, which TestScreens shows.
var alike = map[string]bool{"web.repository.rules": true, "web.repository.upstreams": true, "web.repository.cache": true, "web.repository.settings": true, "web.package.origin": true, "web.package.settings": true, "web.version.manage": true,
	"web.admin.repositories": true, "web.admin.upstreams": true, "web.admin.rules": true, "web.whys": true, "web.why": true,
	"web.admin.users": true, "web.admin.users.new": true, "web.admin.users.token": true, "web.admin.groups": true, "web.admin.groups.new": true, "web.admin.group": true, "web.admin.roles": true,
	"web.admin.access": true, "web.admin.configuration": true}

// tooWide names the elements that reach out of the window.
const tooWide = `(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return "";
  return "wider than the window: " + [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest(".scroll, pre, .hidden"))
    .slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(" | ");
})()`
