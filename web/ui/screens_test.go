package ui_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestScreens shows every page at the width of a telephone, a tablet and a desk, light and dark: nothing is wider than the window but what scrolls by
// itself, nothing is refused or missing, axe-core finds nothing in either scheme, and what is there with scripts is there without them. The pictures
// (make screens) are for people to look at.
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
			c.screens(path, fmt.Sprintf("%s-%d", strings.TrimPrefix(name, "web."), i), i == 0 || name == "web.version")
		}
	}
	c.expected = "the server responded with a status of 4"
	c.screens("/r/absent", "error-404", true)
	c.screens("/search?q=tool+OR", "error-400", false)
	c.screens("/raw/main/nothing/1.0/nothing.txt", "error-file", true)
}

// screens shows a page in one window that changes its size and its colours; with all, it takes pictures of every size and not of the telephone's alone.
func (c *chromium) screens(path, name string, all bool) {
	c.t.Helper()
	c.window(320, false, true)
	c.open(path)
	if wide := c.evaluate(tooWide); wide != "" {
		c.t.Errorf("%s at 320: %s", path, wide)
	}
	for _, width := range []int64{360, 768, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			c.window(width, scheme == "dark", true)
			if wide := c.evaluate(tooWide); scheme == "light" && wide != "" {
				c.t.Errorf("%s at %d: %s", path, width, wide)
			}
			if all || width == 360 && scheme == "light" {
				c.screenshot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
			}
		}
		switch width {
		case 360: // dark: the other rules don't depend on colours
			if all {
				c.accessible(path, "color-contrast", "link-in-text-block")
			}
		case 1440:
			c.window(width, false, true)
			c.accessible(path)
		}
	}
	with := c.text("main")
	c.window(1440, false, false)
	c.open(path)
	without := strings.Fields(c.text("main"))
	if len(without) < 5 || slices.Contains(without, "Copy") {
		c.t.Errorf("%s without scripts: %q", path, without)
	}
	if lost := len(strings.Fields(strings.ReplaceAll(with, "Copy", ""))) - len(without); lost > 0 && lost*5 > len(without) {
		c.t.Errorf("%s: %d words of %d are not there without scripts", path, lost, len(without))
	}
}

// alike are pages that are made of the same parts as others, which TestScreens shows.
var alike = map[string]bool{"web.repository.rules": true, "web.repository.upstreams": true, "web.repository.cache": true, "web.repository.settings": true, "web.package.origin": true, "web.package.settings": true, "web.version.manage": true,
	"web.admin.repositories": true, "web.admin.upstreams": true, "web.admin.rules": true, "web.whys": true, "web.why": true,
	"web.admin.users": true, "web.admin.users.new": true, "web.admin.users.token": true, "web.admin.groups": true, "web.admin.groups.new": true, "web.admin.group": true, "web.admin.roles": true,
	"web.admin.access": true, "web.admin.configuration": true}

// tooWide names the elements that reach out of the window; texts to copy that lie below their button, where the window is narrow; and chips in tables
// that are broken into letters. From the width of a tablet on, it also names what can be done with a row of a table and lies beyond the table's edge.
const tooWide = `(() => {
  const width = document.documentElement.clientWidth;
  for (const pre of document.querySelectorAll(".copyable pre")) {
    if (width <= 360 && pre.scrollWidth > pre.clientWidth + 1) return "below its button: " + pre.outerHTML.slice(0, 120);
  }
  for (const chip of document.querySelectorAll(".scroll .chip")) {
    if (chip.getBoundingClientRect().height > 60) return "broken: " + chip.outerHTML.slice(0, 120);
  }
  for (const action of document.querySelectorAll(".scroll summary, .scroll button, .scroll .button")) {
    const seen = action.checkVisibility(), edge = action.closest(".scroll").getBoundingClientRect().right;
    if (width >= 768 && seen && action.getBoundingClientRect().right > edge + 1) return "beyond the edge: " + action.outerHTML.slice(0, 120);
  }
  if (document.documentElement.scrollWidth <= width) return "";
  return "wider than the window: " + [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest(".scroll, pre, .hidden"))
    .slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(" | ");
})()`
