package preset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"slipway/integration"
	"slipway/registry"
)

// maxEventBytes is what every intermediary forwards (CloudEvents 1.0, "Size Limits").
const maxEventBytes = 64 << 10

const (
	structuredType = "application/cloudevents+json"
	jsonType       = "application/json"
)

// sent is an event on its way: with where its data can be read when not all of it goes along.
type sent struct {
	registry.Event
	DataRef string `json:"dataref,omitempty"` // CloudEvents extension "dataref"
}

// structured is the JSON event format in structured mode (CloudEvents HTTP binding, 3.2).
func structured(set Set, e registry.Event, baseURL string) ([]integration.Message, error) {
	_, body, err := set.fit(e, baseURL)
	return []integration.Message{{ID: e.ID, ContentType: structuredType, Body: body}}, err
}

// binary has the attributes as headers and the data as body (CloudEvents HTTP binding, 3.1).
func binary(set Set, e registry.Event, baseURL string) ([]integration.Message, error) {
	s, _, err := set.fit(e, baseURL)
	if err != nil {
		return nil, err
	}
	m := integration.Message{ID: e.ID, Body: s.Data, Header: make(map[string]string)}
	if len(s.Data) > 0 {
		m.ContentType = s.DataContentType
	}
	for _, a := range [][2]string{
		{"specversion", s.SpecVersion}, {"id", s.ID}, {"source", s.Source}, {"type", s.Type}, {"subject", s.Subject}, {"time", s.Time},
		{"sequence", s.Sequence}, {"partitionkey", s.PartitionKey}, {"authtype", s.AuthType}, {"authid", s.AuthID}, {"dataref", s.DataRef},
	} {
		if a[1] != "" {
			m.Header["ce-"+a[0]] = headerValue(a[1])
		}
	}
	return []integration.Message{m}, nil
}

// headerValue encodes what a header can't hold as it is (CloudEvents HTTP binding, 3.1.3.2).
func headerValue(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// shed are the fields that an event goes without when it is too large, in this order.
var shed = []string{"files", "former", "facts"}

// fit returns the event to send and its JSON, of at most maxEventBytes: what is too large goes without its longest
// fields, or at last without data, and says where the event can be read whole.
func (s Set) fit(e registry.Event, baseURL string) (sent, []byte, error) {
	out := sent{Event: e}
	var err error
	if out.Data, err = s.withRegistry(e.Data, hostOf(baseURL)); err != nil {
		return out, nil, err
	}
	body, err := json.Marshal(out)
	if err != nil || len(body) <= maxEventBytes {
		return out, body, err
	}
	out.DataRef = fmt.Sprintf("%s/api/v1/events?after=%d&limit=1", baseURL, e.Seq-1)
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(out.Data, &fields); err != nil {
		return out, nil, err
	}
	for _, name := range shed {
		if _, ok := fields[name]; !ok {
			continue
		}
		delete(fields, name)
		if out.Data, err = json.Marshal(fields); err != nil {
			return out, nil, err
		}
		if body, err = json.Marshal(out); err != nil || len(body) <= maxEventBytes {
			return out, body, err
		}
	}
	out.Data = nil
	body, err = json.Marshal(out)
	return out, body, err
}

// withRegistry adds the host that an image is pulled from: who gets a message does not ask the server who it is.
func (s Set) withRegistry(data json.RawMessage, host string) (json.RawMessage, error) {
	var d struct{ Format string }
	if len(data) == 0 || host == "" {
		return data, nil
	}
	if err := json.Unmarshal(data, &d); err != nil || !s.images(d.Format) {
		return data, err
	}
	name, err := json.Marshal(host)
	if err != nil {
		return nil, err
	}
	head := bytes.TrimSuffix(bytes.TrimSpace(data), []byte("}"))
	return fmt.Appendf(nil, `%s,"registry":%s}`, head, name), nil
}
