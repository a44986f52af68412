package api

// DeliveryState says where a delivery stands.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead"
)

// Delivery is a delivery in a list: where it stands, and how the latest attempt went. Seq is null for a ping, NextAt when
// there is no next attempt; Status is absent when no answer came.
type Delivery struct {
	ID           string        `json:"id" doc:"Its id."`
	Subscription string        `json:"subscription" doc:"Id of the subscription."`
	EventID      string        `json:"event_id" doc:"Id of the event."`
	Seq          *int64        `json:"seq" doc:"Sequence number of the event's entry; null: a ping."`
	Type         string        `json:"type" as:"EventType" doc:"Event type."`
	Subject      string        `json:"subject,omitempty" doc:"Package URL of the version, where there is one."`
	State        DeliveryState `json:"state" doc:"Where it stands."`
	Attempts     int           `json:"attempt_count" doc:"How many attempts were made."`
	NextAt       *string       `json:"next_at" format:"date-time" doc:"When the next attempt is; null: there is none."`
	Redelivery   bool          `json:"redelivery" doc:"Whether the delivery was asked for again."`
	Status       int           `json:"status,omitempty" doc:"Status of the latest answer; absent: none came."`
	Error        string        `json:"error,omitempty" doc:"Why the attempt failed."`
	CreatedAt    string        `json:"created_at" format:"date-time" doc:"When it was made."`
	DoneAt       *string       `json:"done_at" format:"date-time" doc:"When it was delivered or given up."`
}

// DeliveryDetail is a delivery with its request and the result of each attempt.
type DeliveryDetail struct {
	Delivery
	Request DeliveryRequest   `json:"request" doc:"The request that every attempt sends, without the signature."`
	Sent    []DeliveryAttempt `json:"attempts" doc:"How each attempt went."`
}

// DeliveryRequest is the request that every attempt sends, without the signature.
type DeliveryRequest struct {
	URL         string            `json:"url" doc:"Where it is sent to."`
	ContentType string            `json:"content_type" doc:"Media type of the body."`
	Header      map[string]string `json:"header,omitempty" doc:"Further headers."`
	Body        string            `json:"body" doc:"The body, exactly as it is sent."`
}

// DeliveryAttempt is one attempt. Seconds is how long it took; Status is absent when no answer came. Answer is the first
// 8 KiB of the answer as text, for administrators of the server only.
type DeliveryAttempt struct {
	Attempt int     `json:"attempt" doc:"Number of the attempt."`
	At      string  `json:"at" format:"date-time" doc:"When."`
	Seconds float64 `json:"duration_seconds" doc:"How long it took."`
	Status  int     `json:"status,omitempty" doc:"Status of the answer; absent: none came."`
	Error   string  `json:"error,omitempty" doc:"Why the attempt failed."`
	Answer  *string `json:"answer,omitempty" doc:"The first 8 KiB of the answer; for administrators of the server only."`
}
