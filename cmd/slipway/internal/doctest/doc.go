// Package doctest holds the test that runs the command blocks of the documentation, as a reader would copy and paste them.
package doctest
