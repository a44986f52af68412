package api

import "slipway/registry"

// eventTypeNames are the event types as filters take them, cloudEventTypes as events have them: examples and not enums, since
// filters take globs too, and clients that are generated from the document must live with the types of a newer server.
var eventTypeNames, cloudEventTypes = func() (names, full []string) {
	for _, t := range registry.EventTypes() {
		names, full = append(names, t.String()), append(full, t.CloudEvent())
	}
	return names, full
}()
