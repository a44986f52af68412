package ledger

// Walk sets how many entries a transaction of a query, and a query, look through.
func (s *Ledger) Walk(perWindow, walk int64) { s.perWindow, s.walk = perWindow, walk }
