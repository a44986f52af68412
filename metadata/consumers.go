package metadata

import "time"

// Consumer is a named reader of the event feed, whose position is kept. Names are unique per owner.
type Consumer struct {
	OwnerID   string // Actor.ID of the user
	TokenID   int64  // the token that made it; 0: the user did; -1: not known yet
	Name      string
	Acked     int64 // last log entry that the consumer has handled; -1 is none
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Consumers keeps consumers.
type Consumers interface {
	Consumer(ownerID, name string) (Consumer, error)
	Consumers(ownerID string, p Page) ([]Consumer, error) // ascending by name, After is a name
	// PutConsumer makes a consumer or stores its place and its token; it fills the times.
	PutConsumer(c Consumer) (Consumer, error)
	DeleteConsumer(ownerID, name string) error
}
