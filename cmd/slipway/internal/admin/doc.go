// Package admin holds the tools that work on a data directory, without a server or beside one: fsck, gc, backup, restore, and
// the changes of users that let an operator in again.
package admin
