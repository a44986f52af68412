package metadata

import "time"

// Consumer is a named reader of the event feed, whose place is kept. A name is its owner's own.
type Consumer struct {
	OwnerID   string // Actor.ID of the user
	Name      string
	Acked     int64 // last log entry that was dealt with; -1 is none
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Consumers keeps consumers.
type Consumers interface {
	Consumer(ownerID, name string) (Consumer, error)
	Consumers(ownerID string, p Page) ([]Consumer, error) // ascending by name, After is a name
	// PutConsumer makes a consumer or stores its place; it fills the times.
	PutConsumer(c Consumer) (Consumer, error)
	DeleteConsumer(ownerID, name string) error
}
