// Package ui has the pages for people: the front page with the lines with which clients are set up, the documentation of the
// version that runs, an icon, and robots.txt. They work without script, and load nothing from elsewhere.
package ui
