package registrytest

import (
	"encoding/json"

	"slipway/integration"
	"slipway/registry"
)

// Presets of Renderer.
const (
	Preset      = "cloudevents" // every event as it is
	PresetQuiet = "quiet"       // renders no message for any event
)

// Renderer renders messages for tests of the core.
type Renderer struct{}

// Presets implements integration.Renderer.
func (Renderer) Presets() []string { return []string{Preset, PresetQuiet} }

// BrokerPresets implements integration.Renderer.
func (r Renderer) BrokerPresets() []string { return r.Presets() }

// Render implements integration.Renderer.
func (Renderer) Render(preset string, e registry.Event, baseURL string) ([]integration.Message, error) {
	if preset == PresetQuiet {
		return nil, nil
	}
	body, err := json.Marshal(e)
	return []integration.Message{{ID: e.ID, ContentType: "application/cloudevents+json", Header: map[string]string{"X-Base": baseURL}, Body: body}}, err
}
