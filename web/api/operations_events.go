package api

import (
	"net/http"

	"slipway/registry"
	"slipway/web/internal/wire"
)

var eventOperations = map[string]operation{
	"api.events": {id: "listEvents", group: "Events", summary: "Read the log as CloudEvents",
		about: "Events of the repositories that you may read; those of the whole server for who may audit it. `Accept: text/event-stream` is answered with " +
			"server-sent events that go on: `id` is the sequence number, `data` the event, and `Last-Event-ID` says where to go on.",
		query: []param{
			{name: "after", about: "Sequence number behind which to begin; -1 is the start.", of: schema{"type": "integer", "format": "int64", "default": -1}},
			{name: "limit", about: "How many events at most; more than 1000 count as 1000.", of: schema{"type": "integer", "minimum": 1, "default": wire.DefaultLimit}},
			{name: "wait", about: "How long to wait when there is nothing yet; more than a minute counts as one.", example: "30s"},
			{name: "consumer", about: "Name of a consumer of yours, whose place says where to begin, instead of `after`."},
			typesOf,
		},
		header: []param{{name: "Last-Event-ID", about: "Of a stream: as `after`.", of: schema{"type": "integer", "format": "int64"}}},
		answers: []answer{{http.StatusOK, "The events, oldest first.",
			[]param{{name: "Link", about: "`rel=\"next\"`: where to go on, also past events that you may not see."}},
			[]content{
				{media: batchType, example: []registry.Event{eventExample}},
				{media: "text/event-stream", of: schema{"type": "string"}},
			}}}},

	"api.consumers.list": {id: "listConsumers", group: "Events", summary: "List your consumers",
		query: paged(), answers: success("The consumers, by name.", list[consumerJSON]{Items: []consumerJSON{consumerExample}})},
	"api.consumers.get": {id: "getConsumer", group: "Events", summary: "Show a consumer", answers: success("The consumer.", consumerExample)},
	"api.consumers.put": {id: "putConsumer", group: "Events", summary: "Make a consumer, or acknowledge events",
		about: "A consumer is a place in the events that the server keeps, under a name of your own. A new one begins at the end of the log, or behind `acked`, where -1 is " +
			"the start. Acknowledging never moves it back, so one that comes late or twice changes nothing, unless `reset` is true. The answer says where it is.",
		request: takes[consumerChange]("ConsumerChange", `{"acked":42}`),
		answers: append(success("The consumer.", consumerExample), created("A new consumer.", consumerExample)...), errors: []int{http.StatusConflict}},
	"api.consumers.delete": {id: "deleteConsumer", group: "Events", summary: "Delete a consumer", answers: empty("Its place is forgotten.")},

	"api.log.checkpoint": {id: "getCheckpoint", group: "Log", summary: "The newest signed statement about the log",
		answers: plain("A C2SP tlog-checkpoint.", wire.PlainText, checkpointExample), errors: []int{http.StatusNotFound}},
	"api.log.tile": {id: "getTile", group: "Log", summary: "A tile of the log",
		about:   "C2SP tlog-tiles: 256 hashes, or the entries under them as a bundle. Entries need the right to audit the server.",
		answers: []answer{{http.StatusOK, "The tile; a full one never changes.", nil, []content{{media: bytesType, of: rawBytes}}}}},
	"api.log.proof": {id: "getProof", group: "Log", summary: "Proof that an entry is in the log",
		query:   []param{{name: "seq", about: "Sequence number of the entry.", required: true, of: schema{"type": "integer", "format": "int64", "minimum": 0}, example: 42}},
		answers: plain("A C2SP tlog-proof, checkable offline with the log's key alone.", wire.PlainText, "c2sp.org/tlog-proof@v1\n…"), errors: []int{http.StatusNotFound}},
	"api.log.key": {id: "getLogKey", group: "Log", summary: "The key that verifies the log's signatures",
		answers: plain("One line of C2SP signed-note.", wire.PlainText, "slipway.example.com+8a4ff1e2+AQ…\n")},
}

const checkpointExample = "slipway.example.com\n43\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— slipway.example.com …\n"

var deliveryOperations = map[string]operation{
	"api.subscriptions.list": {id: "listSubscriptions", group: "Subscriptions", summary: "List the subscriptions whose repositories you administer",
		query: paged(), answers: success("The subscriptions.", list[subscriptionJSON]{Items: []subscriptionJSON{subscriptionExample}})},
	"api.subscriptions.create": {id: "createSubscription", group: "Subscriptions", summary: "Have events sent to an address",
		request: takes[subscriptionChange]("NewSubscription", `{"name":"deploy","sink":"webhook","url":"https://deploy.example.com/hook","preset":"cloudevents",`+
			`"types":["tag.*"],"repositories":["main"],"packages":["*"],"tags":["production"]}`, "name", "url"),
		answers: created("The subscription with the secret that signs, shown this once.", changedSubscriptionJSON{subscriptionExample, "whsec_…"}, locationOf...),
		errors:  []int{http.StatusConflict, http.StatusNotFound}},
	"api.subscriptions.get": {id: "getSubscription", group: "Subscriptions", summary: "Show a subscription and how its deliveries fare",
		answers: success("The subscription.", subscriptionDetailJSON{subscriptionJSON: subscriptionExample, Pending: 2, OldestPending: &momentExample})},
	"api.subscriptions.change": {id: "changeSubscription", group: "Subscriptions", summary: "Change, pause or resume a subscription",
		about: "What the body does not name stays. `{\"rotate_secret\":true}` makes a new secret; for a day the old one signs too. " +
			"`{\"enabled\":true,\"from\":\"now\"}` goes on without what happened meanwhile.",
		request: takes[subscriptionChange]("SubscriptionChange", `{"enabled":true,"from":"now"}`),
		answers: success("The subscription; with the secret when it is new.", changedSubscriptionJSON{subscriptionJSON: subscriptionExample}),
		errors:  []int{http.StatusConflict}},
	"api.subscriptions.delete": {id: "deleteSubscription", group: "Subscriptions", summary: "Delete a subscription", answers: empty("What was not sent yet never is.")},
	"api.subscriptions.ping": {id: "pingSubscription", group: "Subscriptions", summary: "Send a test event",
		answers: accepted("The delivery, which shows what becomes of it.", deliveryExample, locationOf...), errors: []int{http.StatusConflict}},
	"api.subscriptions.replay": {id: "replaySubscription", group: "Subscriptions", summary: "Send everything again since an entry of the log",
		request: takes[replayRequest]("ReplayRequest", `{"since":42}`, "since"),
		answers: accepted("The subscription.", subscriptionExample), errors: []int{http.StatusConflict}},
	"api.deliveries.list": {id: "listDeliveries", group: "Subscriptions", summary: "List the deliveries of a subscription",
		query:   paged(param{name: "state", about: "Deliveries in this state only.", of: schema{"type": "string", "enum": deliveryStates}}),
		answers: success("The deliveries, newest first.", list[deliveryJSON]{Items: []deliveryJSON{deliveryExample}})},
	"api.deliveries.get": {id: "getDelivery", group: "Subscriptions", summary: "Show what is sent, and how each attempt went",
		answers: success("The delivery.", deliveryDetailJSON{deliveryJSON: deliveryExample,
			Request: requestJSON{URL: subscriptionExample.URL, ContentType: "application/cloudevents+json", Body: "{…}"},
			Sent:    []attemptJSON{{Attempt: 1, At: momentExample, Seconds: 0.12, Status: http.StatusNoContent}}})},
	"api.deliveries.redeliver": {id: "redeliver", group: "Subscriptions", summary: "Send a delivery again at once",
		answers: accepted("The delivery.", deliveryExample, locationOf...), errors: []int{http.StatusConflict}},
}

var deliveryStates = []registry.DeliveryState{registry.DeliveryPending, registry.DeliveryDelivered, registry.DeliveryDead}
