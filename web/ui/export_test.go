package ui

// SearchKeys is searchKeys, for tests.
var SearchKeys = searchKeys

// Failure is Pages.failure, for tests.
var Failure = (*Pages).failure
