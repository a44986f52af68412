// Package ui has the pages for people. They ask the API in the same process, work without script, load nothing from elsewhere but pictures of
// texts that were published, and take ?as_of= where the API does. Files beside them: an icon, robots.txt, the documentation of the running version.
package ui
