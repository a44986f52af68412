package accounts

import (
	"strings"

	"slipway/registry"
)

// unknownBrowser is the name of a program that does not say what it is.
const unknownBrowser = "unknown program"

// browsers and systems are what a User-Agent contains, and what people call it. Browsers name those that they descend from too, so the
// first that is found counts.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Firefox/", "Firefox"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems = [][2]string{{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}}
)

// browserName shortens a User-Agent to what tells a person's browsers apart, such as "Firefox on Linux". Of a program that is no
// known browser it is the name with which the header begins.
func browserName(agent string) string {
	find := func(table [][2]string) string {
		for _, row := range table {
			if strings.Contains(agent, row[0]) {
				return row[1]
			}
		}
		return ""
	}
	browser, system := find(browsers), find(systems)
	if browser == "" {
		first, _, _ := strings.Cut(agent, " ")
		browser = registry.Clip(first)
		if odd := func(r rune) bool { return r <= ' ' || r > '~' }; first == "" || strings.ContainsFunc(first, odd) {
			browser = unknownBrowser
		}
	}
	if system == "" {
		return browser
	}
	return browser + " on " + system
}
