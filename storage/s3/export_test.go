package s3

import "time"

// SetSizes makes the store use parts of the given sizes, so that tests need fewer bytes. S3 wants at least 5 MiB.
func (s *Store) SetSizes(part, single, putPart int64) {
	s.partBytes, s.singleBytes, s.putPartBytes = part, single, putPart
}

const WindowBytes = windowBytes

// SetApart makes the store believe that the server's clock is ahead by d.
func (s *Store) SetApart(d time.Duration) { s.apart.Store(int64(d)) }
