// Package ui has the pages for people: the front page with the set-up lines of clients, the documentation of the running
// version, an icon, and robots.txt. They work without script, and load nothing from elsewhere.
package ui
