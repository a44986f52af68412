// Package preset makes the messages of subscriptions: an event as CloudEvents has it, or in the shape that the receivers
// of another registry's webhooks understand.
package preset

import (
	"fmt"
	"net/url"

	"slipway/integration"
	"slipway/registry"
)

// Names of the presets.
const (
	CloudEvents       = "cloudevents"        // structured mode: the event as JSON
	CloudEventsBinary = "cloudevents-binary" // binary mode: attributes as headers, the data as body
	Harbor            = "harbor"             // tags of images, as Harbor tells of them
)

// render makes the messages of an event; none where it has nothing to say.
type render func(s Set, e registry.Event, baseURL string) ([]integration.Message, error)

var renders = map[string]render{
	CloudEvents:       structured,
	CloudEventsBinary: binary,
	Harbor:            harbor,
}

// Set is all presets. It implements integration.Renderer.
type Set struct {
	Rules map[string]registry.Rules // by format: some messages are of images only
}

var _ integration.Renderer = Set{}

// Presets are the names, the default first.
func (Set) Presets() []string { return []string{CloudEvents, CloudEventsBinary, Harbor} }

// BrokerPresets are the two modes of CloudEvents, binary first.
func (Set) BrokerPresets() []string { return []string{CloudEventsBinary, CloudEvents} }

// Render implements integration.Renderer. The bytes of an event are the same whenever it is rendered.
func (s Set) Render(name string, e registry.Event, baseURL string) ([]integration.Message, error) {
	fn, ok := renders[name]
	if !ok {
		return nil, fmt.Errorf("there is no preset %q", name)
	}
	out, err := fn(s, e, baseURL)
	if err != nil {
		return nil, fmt.Errorf("preset %s: %w", name, err)
	}
	return out, nil
}

// images reports whether the packages of a format are images.
func (s Set) images(format string) bool { return s.Rules[format].Images }

// hostOf is what clients of images call the server: they know hosts, no paths. "" when it is unknown.
func hostOf(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err != nil {
		return ""
	}
	return u.Host
}
