package metadata

import "time"

// Subscription says which log entries are sent where.
type Subscription struct {
	ID             int64
	Name           string
	Sink           string
	URL            string
	Preset         string
	Filter         []byte // JSON, of the core
	Secrets        []byte // sealed, by the core
	BaseURL        string // of this server, as the caller that made the subscription saw it
	OwnerID        string // Actor.ID
	Owner          string // shown
	Cursor         int64  // last log entry that was examined; -1 is none
	ReplayTo       int64  // entries up to this one are sent again; -1 is none
	DisabledAt     time.Time
	DisabledReason string
	FailingSince   time.Time // first failure after the last success; zero while it works
	FailingReason  string    // of a stream: why it fails
	DeliveredAt    time.Time // of a stream: when the newest of the messages that arrived did; zero: none did
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Subscriptions keeps subscriptions.
type Subscriptions interface {
	CreateSubscription(s Subscription) (Subscription, error) // fills ID and times
	Subscription(id int64) (Subscription, error)
	Subscriptions(afterID int64, limit int) ([]Subscription, error) // ascending by ID
	// UpdateSubscription stores all but ID, owner and CreatedAt; UpdatedAt is now.
	UpdateSubscription(s Subscription) (Subscription, error)
	MoveCursor(id, cursor int64) error
	// MoveStream is MoveCursor of a stream; delivered is when the newest message arrived, zero: since before the last call.
	MoveStream(id, cursor int64, delivered time.Time) error
	// SetFailing says since when a subscription fails, and why; zero and "": it works.
	SetFailing(id int64, since time.Time, reason string) error
	// DeleteSubscription hides a subscription and its deliveries at once. PurgeSubscriptions removes at most limit of their
	// rows, and returns how many it found.
	DeleteSubscription(id int64) error
	PurgeSubscriptions(limit int) (int64, error)
}

// DeliveryState is how far a delivery has come.
type DeliveryState string

// States of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead"
)

// Delivery is a message on its way to a subscription's target.
type Delivery struct {
	ID             int64
	SubscriptionID int64
	Seq            int64 // log entry that it reports; -1 for a ping
	MessageID      string
	EventType      string
	Subject        string
	State          DeliveryState
	Attempts       int       // in all
	Tries          int       // since it was made or asked for again
	NextAt         time.Time // of the next attempt while pending
	Redelivery     bool
	CreatedAt      time.Time
	DoneAt         time.Time // zero while pending
	Status         int       // of the latest attempt; 0: no answer
	Error          string    // of the latest attempt; "" after a success
	Sink           string    // name of what sends it
	Lane           string    // deliveries of one lane are sent one after the other; "" is in none
	ContentType    string
	Header         []byte // JSON
	Body           []byte // the exact bytes that every attempt sends
}

// Attempt is one try to send a delivery.
type Attempt struct {
	DeliveryID int64
	Number     int // from 1
	At         time.Time
	Duration   time.Duration
	Status     int // 0: no answer
	Error      string
	Answer     []byte // its beginning
}

// DeliveryQuery selects deliveries of one subscription, the newest first.
type DeliveryQuery struct {
	SubscriptionID int64
	State          DeliveryState // "" is all
	MessageID      string        // "" is all
	BeforeID       int64         // 0 is from the newest
	Limit          int
}

// Due is the time of a pending delivery's next attempt.
type Due struct {
	ID int64
	At time.Time
}

// Deliveries keeps deliveries and their attempts.
type Deliveries interface {
	// PutDelivery adds a delivery that is due now. When the subscription already has a delivery of this message, that
	// delivery becomes pending again with its own bytes, as a redelivery.
	PutDelivery(d Delivery) (id int64, err error)
	Delivery(id int64) (Delivery, error)            // not of a deleted subscription
	Deliveries(q DeliveryQuery) ([]Delivery, error) // without Sink, Lane, ContentType, Header and Body
	// DueDeliveries returns pending deliveries, the most urgent first; of a lane, only the first in the order of the log.
	DueDeliveries(subscriptionID int64, limit int) ([]Due, error)
	// UpdateDelivery stores State, Attempts, Tries, NextAt, Redelivery, DoneAt, Status and Error of a delivery as Delivery returned
	// it. The next one of the lane of a delivery that is pending no more becomes due.
	UpdateDelivery(d Delivery) error
	// SkipPending makes at most limit pending deliveries of a subscription dead, and says how many it found.
	SkipPending(subscriptionID int64, reason string, limit int) (int64, error)
	// CountDeliveries also returns when the oldest counted delivery was made.
	CountDeliveries(subscriptionID int64, state DeliveryState) (n int64, oldest time.Time, err error)
	// LastDelivered returns when the newest of the deliveries that arrived did. ErrNotExist: none did.
	LastDelivered(subscriptionID int64) (time.Time, error)
	// ExpireDeliveries removes at most limit deliveries that were done before t, and says how many it found.
	ExpireDeliveries(before time.Time, limit int) (int64, error)
	AddAttempt(a Attempt) error
	Attempts(deliveryID int64) ([]Attempt, error) // ascending
}
