package api

import "slipway/registry"

// eventTypeNames are the names of event types in filters, cloudEventTypes those in events. The document has them as examples
// and not as enums, since filters take globs too, and clients generated from the document must accept the types of a newer
// server.
var eventTypeNames, cloudEventTypes = func() (names, full []string) {
	for _, t := range registry.EventTypes() {
		names, full = append(names, t.String()), append(full, t.CloudEvent())
	}
	return names, full
}()
