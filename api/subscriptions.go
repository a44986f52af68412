package api

// Subscription asks for events to be sent to an address; it is shown without its secret.
type Subscription struct {
	ID             string   `json:"id" doc:"Its id."`
	Name           string   `json:"name" doc:"Its name."`
	Sink           string   `json:"sink" examples:"webhook,nats,kafka,amqp" doc:"How it is sent."`
	URL            string   `json:"url" doc:"Where it is sent to."`
	Preset         string   `json:"preset" doc:"The shape of the requests."`
	Types          []string `json:"types" as:"EventFilter" doc:"Event types or globs over them, each of which must match a type."`
	Repositories   []string `json:"repositories" doc:"Repositories or globs over them."`
	Packages       []string `json:"packages" doc:"Packages or globs over them."`
	Tags           []string `json:"tags" doc:"Names of tags or globs over them; with any, events without a tag do not match."`
	Enabled        bool     `json:"enabled" doc:"Whether anything is sent."`
	DisabledAt     *string  `json:"disabled_at" format:"date-time" doc:"Since when nothing is sent."`
	DisabledReason string   `json:"disabled_reason,omitempty" doc:"Why nothing is sent."`
	FailingSince   *string  `json:"failing_since" format:"date-time" doc:"First failure after the last success; null: it does not fail."`
	FailingReason  string   `json:"failing_reason,omitempty" doc:"Of a message broker: why it fails. A webhook's deliveries say it each."`
	CreatedAt      string   `json:"created_at" format:"date-time" doc:"When it was made."`
	CreatedBy      string   `json:"created_by" doc:"The caller that made it: a user, or 'token ci of user jane'."`
	UpdatedAt      string   `json:"updated_at" format:"date-time" doc:"When it last changed."`
}

// ChangedSubscription is the answer to a change. It holds the secret only when the change set a new one.
type ChangedSubscription struct {
	Subscription
	Secret string `json:"secret,omitempty" doc:"The secret that signs."`
}

// SubscriptionDetail is a subscription with the state of its deliveries.
type SubscriptionDetail struct {
	Subscription
	Pending       int64   `json:"pending" doc:"Deliveries that wait."`
	OldestPending *string `json:"oldest_pending_at" format:"date-time" doc:"When the oldest of them was made."`
	Dead          int64   `json:"dead" doc:"Deliveries that were given up."`
	LastDelivered *string `json:"last_delivered_at" format:"date-time" doc:"When the newest of the deliveries that arrived did; null: none did."`
	Lag           *int64  `json:"lag,omitempty" doc:"Of a message broker, which has no delivery for each event: entries of the log behind the last one up to which it has acknowledged all."`
}

// SubscriptionChange is the body of PATCH /subscriptions/{id}. Fields that it leaves out stay.
type SubscriptionChange struct {
	Name         *string      `json:"name,omitempty" doc:"Its name."`
	Sink         *string      `json:"sink,omitempty" examples:"webhook,nats,kafka,amqp" doc:"How it is sent: to a webhook, or to a message broker. It stays."`
	URL          *string      `json:"url,omitempty" doc:"Where it is sent to."`
	Preset       *string      `json:"preset,omitempty" doc:"The shape of the requests."`
	Types        *[]string    `json:"types,omitempty" as:"EventFilter" doc:"Event types or globs over them, each of which must match a type."`
	Repositories *[]string    `json:"repositories,omitempty" doc:"Repositories or globs over them."`
	Packages     *[]string    `json:"packages,omitempty" doc:"Packages or globs over them."`
	Tags         *[]string    `json:"tags,omitempty" doc:"Names of tags or globs over them; with any, events without a tag do not match."`
	Secret       *string      `json:"secret,omitempty" doc:"The secret that signs."`
	RotateSecret bool         `json:"rotate_secret,omitempty" doc:"Make a new secret; for a day the old one signs too."`
	Credentials  *Credentials `json:"credentials,omitempty" doc:"For a message broker. They take the place of the former ones; an empty object is none. A change of the URL to another server needs them anew."`
	Enabled      *bool        `json:"enabled,omitempty" doc:"Whether anything is sent."`
	From         string       `json:"from,omitempty" empty:"refused" enum:"now,cursor" doc:"With 'enabled': 'now' or 'cursor', where to go on."`
}

// Credentials are what a message broker knows a subscription by. They are never shown.
type Credentials struct {
	Username   string `json:"username,omitempty" doc:"With 'password'."`
	Password   string `json:"password,omitempty" doc:"With 'username'."`
	Token      string `json:"token,omitempty" doc:"A token of NATS."`
	Creds      string `json:"creds,omitempty" doc:"The text of a .creds file of NATS."`
	ClientCert string `json:"client_cert,omitempty" doc:"A certificate in PEM, with 'client_key'."`
	ClientKey  string `json:"client_key,omitempty" doc:"Its key in PEM."`
	CA         string `json:"ca,omitempty" doc:"Certificates in PEM: the only roots that the broker's may have."`
}

// NewSubscription is the body of POST /subscriptions; it needs a name and a URL.
type NewSubscription SubscriptionChange

// SubscriptionPreview is what a subscription would have sent of the newest entries of the log.
type SubscriptionPreview struct {
	Looked  int     `json:"looked" doc:"Entries of the log that were looked through."`
	Matched int     `json:"matched" doc:"Those of them that would have been sent."`
	Events  []Event `json:"events" doc:"The newest of these, newest first, at most 20."`
}

// PreviewRequest is the body of POST /subscriptions/preview: the filter and the preset of a subscription.
type PreviewRequest struct {
	Preset       *string   `json:"preset,omitempty" doc:"The shape of the requests; one that has no words for an event does not send it."`
	Types        *[]string `json:"types,omitempty" as:"EventFilter" doc:"Event types or globs over them, each of which must match a type."`
	Repositories *[]string `json:"repositories,omitempty" doc:"Repositories or globs over them."`
	Packages     *[]string `json:"packages,omitempty" doc:"Packages or globs over them."`
	Tags         *[]string `json:"tags,omitempty" doc:"Names of tags or globs over them; with any, events without a tag do not match."`
}

// ReplayRequest is the body of POST /subscriptions/{id}/redeliver. It needs since.
type ReplayRequest struct {
	Since *int64 `json:"since,omitempty" doc:"Sequence number of the first entry to send again."`
}
