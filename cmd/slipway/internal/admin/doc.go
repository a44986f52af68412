// Package admin holds the tools that work on a data directory, without a server or beside one: fsck, gc, backup, restore,
// and the changes to users by which an operator regains access.
package admin
