package ui

// SearchKeys is searchKeys, for tests.
var SearchKeys = searchKeys
