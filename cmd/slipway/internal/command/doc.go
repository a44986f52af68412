// Package command holds what the commands of the program share: the streams and the environment of the process, usage errors
// and exit codes, groups of commands, output, progress bars, signals and the program's version.
package command
