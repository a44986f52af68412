package registry

// Grown returns a channel that closes when the log grows next, in this process or another one; see metadata.Store.Watch.
func (s *Core) Grown() <-chan struct{} { return s.Store.Watch() }
