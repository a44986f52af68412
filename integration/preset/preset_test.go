package preset

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway/integration"
	"slipway/registry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	baseURL = "https://slipway.example.com:8443"
	digest  = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func event(kind, data string) registry.Event {
	return registry.Event{SpecVersion: "1.0", ID: "evt_01JQZ", Source: "https://slipway.example.com", Type: registry.EventTypePrefix + kind + registry.EventTypeSuffix,
		Subject: "pkg:oci/app@sha256%3A0123", Time: "2026-03-04T05:06:07.123456Z", DataContentType: "application/json", Sequence: fmt.Sprintf("%020d", 42),
		PartitionKey: "package:7", AuthType: "api_key", AuthID: "token:3", Data: json.RawMessage(data), Seq: 42}
}

const tagData = `{"repository":"main","format":"oci","package":"team/app","version":"` + digest + `","purl":"pkg:oci/app@sha256%3A0123",` +
	`"digest":"` + digest + `","media_type":"application/vnd.oci.image.index.v1+json","tag":"1.2","generation":3,"actor":"ann <ann&co>"}`

// set knows one format of images.
var set = Set{Rules: map[string]registry.Rules{"oci": {Images: true}}}

// events are one of each kind that a preset may meet.
var events = map[string]registry.Event{
	"tag_set":     event("tag.set", tagData),
	"tag_removed": event("tag.removed", tagData),
	"published":   event("artifact.published", tagData),
	"npm_tag":     event("tag.set", strings.Replace(tagData, `"oci"`, `"npm"`, 1)),
	"erased":      event("tag.set", ""),
	"ping":        {SpecVersion: "1.0", ID: "evt_02", Source: "urn:slipway:ü \"1\" 100%", Type: "dev.slipway.ping.v1", Data: json.RawMessage(`{"name":"x"}`), DataContentType: "application/json"},
}

func one(t *testing.T, preset string, e registry.Event) integration.Message {
	t.Helper()
	out, err := set.Render(preset, e, baseURL)
	if err != nil || len(out) != 1 {
		t.Fatalf("%d messages, %v", len(out), err)
	}
	return out[0]
}

// TestGolden: the messages of every preset about every event, as they are sent.
func TestGolden(t *testing.T) {
	for _, preset := range (Set{}).Presets() {
		for _, name := range slices.Sorted(maps.Keys(events)) {
			t.Run(preset+"/"+name, func(t *testing.T) {
				out, err := set.Render(preset, events[name], baseURL)
				if err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				for _, m := range out {
					fmt.Fprintf(&got, "webhook-id: %s\ncontent-type: %s\n", m.ID, m.ContentType)
					for _, header := range slices.Sorted(maps.Keys(m.Header)) {
						fmt.Fprintf(&got, "%s: %s\n", header, m.Header[header])
					}
					fmt.Fprintf(&got, "\n%s\n", m.Body)
				}
				golden(t, preset+"-"+name, got.Bytes())
				if again, err := set.Render(preset, events[name], baseURL); err != nil || fmt.Sprint(again) != fmt.Sprint(out) {
					t.Errorf("rendered again it is %v, %v", again, err)
				}
			})
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %v\ngot:\n%s\nwant:\n%s", path, err, got, want)
	}
}

// TestPresets: the first is the default; an unknown one is an error, not silence.
func TestPresets(t *testing.T) {
	names := Set{}.Presets()
	if names[0] != CloudEvents || len(names) != len(renders) {
		t.Errorf("%q", names)
	}
	if _, err := set.Render("slack", events["tag_set"], baseURL); err == nil {
		t.Error("an unknown preset renders")
	}
}

// TestHarborReceivers holds the body to what the receivers of Harbor's webhooks read of it.
func TestHarborReceivers(t *testing.T) {
	m := one(t, Harbor, events["tag_set"])
	if m.ContentType != "application/json" || m.Header["Authorization"] != integration.SecretMark {
		t.Errorf("%s, %v: argocd-image-updater wants application/json, and Kargo the secret as the whole Authorization", m.ContentType, m.Header)
	}
	var body struct {
		Type      string
		OccurAt   int64 `json:"occur_at"`
		Operator  string
		EventData struct {
			Resources []struct {
				Digest, Tag string
				ResourceURL string `json:"resource_url"`
			}
			Repository struct {
				DateCreated  int64 `json:"date_created"`
				Name         string
				Namespace    string
				RepoFullName string `json:"repo_full_name"`
				RepoType     string `json:"repo_type"`
			}
		} `json:"event_data"`
	}
	d := json.NewDecoder(bytes.NewReader(m.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		t.Fatal(err)
	}
	if body.Type != "PUSH_ARTIFACT" || body.OccurAt != 1772600767 || len(body.EventData.Resources) != 1 {
		t.Fatalf("%+v", body)
	}
	// argocd-image-updater: registry from the first resource's URL once a scheme is before it, image from repo_full_name.
	r := body.EventData.Resources[0]
	host, image, _ := strings.Cut(r.ResourceURL, "/")
	if host != "slipway.example.com:8443" || hostOf("https://"+r.ResourceURL) != host || body.EventData.Repository.RepoFullName != "main/team/app" {
		t.Errorf("argocd-image-updater takes %s, %s for the image", host, body.EventData.Repository.RepoFullName)
	}
	// Keel and Kargo: image and tag from the URL alone, as a reference that docker would pull.
	if image != "main/team/app:1.2" || r.Tag != "1.2" || r.Digest != digest || strings.Contains(r.ResourceURL, "://") {
		t.Errorf("Keel and Kargo take %s, %s for the image", image, r.Tag)
	}
	if ns := body.EventData.Repository; ns.Namespace+"/"+ns.Name != ns.RepoFullName {
		t.Errorf("%+v: namespace and name are not the full name", ns)
	}
	if _, err := set.Render(Harbor, events["tag_set"], ""); err == nil {
		t.Error("an image without a host: a receiver would take it for one of the public registry")
	}
}

// TestCloudEventsSize: what is too large goes without its longest fields, and says where it is whole.
func TestCloudEventsSize(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name        string
		files       int
		facts       int
		reason      int
		keeps, lost []string
	}{
		{name: "small", files: 100, facts: 100, keeps: []string{"files", "former", "facts", "tag"}},
		{name: "files", files: 70_000, facts: 100, keeps: []string{"facts", "tag", "registry"}, lost: []string{"files"}},
		{name: "facts", files: 100, facts: 70_000, keeps: []string{"tag", "registry"}, lost: []string{"files", "former", "facts"}},
		{name: "all", reason: 70_000, lost: []string{"tag"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, err := json.Marshal(map[string]any{"format": "oci", "tag": "1.2", "reason": long(c.reason), "former": []string{"f"},
				"files": []string{long(c.files)}, "facts": []string{long(c.facts)}})
			if err != nil {
				t.Fatal(err)
			}
			for _, preset := range []string{CloudEvents, CloudEventsBinary} {
				m := one(t, preset, event("artifact.published", string(data)))
				if len(m.Body) > 64<<10 {
					t.Errorf("%s: %d bytes", preset, len(m.Body))
				}
				ref, fields := m.Header["ce-dataref"], map[string]json.RawMessage{}
				if preset == CloudEvents {
					var e struct {
						DataRef string
						Data    map[string]json.RawMessage
					}
					if err := json.Unmarshal(m.Body, &e); err != nil {
						t.Fatal(err)
					}
					ref, fields = e.DataRef, e.Data
				} else if len(m.Body) > 0 {
					if err := json.Unmarshal(m.Body, &fields); err != nil {
						t.Fatal(err)
					}
				}
				if want := baseURL + "/api/v1/events?after=41&limit=1"; (ref == want) != (len(c.lost) > 0) || ref != "" && ref != want {
					t.Errorf("%s: dataref %q", preset, ref)
				}
				for _, name := range c.keeps {
					if _, ok := fields[name]; !ok {
						t.Errorf("%s: %s is missing", preset, name)
					}
				}
				for _, name := range c.lost {
					if _, ok := fields[name]; ok {
						t.Errorf("%s: %s is still there", preset, name)
					}
				}
			}
		})
	}
}
