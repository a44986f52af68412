// Package formatstest serves the real core to tests of front-ends, and checks what all of them share: immutability,
// rights, ranges, concurrent publishing, and the incidents of others that every route has to withstand.
package formatstest
