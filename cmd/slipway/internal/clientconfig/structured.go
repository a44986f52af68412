package clientconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// dockerAuth sets the credentials of a host in docker's config.json, and leaves everything else as it is. A store of
// credentials, which would hide them, is not asked for this host.
func dockerAuth(old, host, basic string) (string, error) {
	config := map[string]json.RawMessage{}
	if strings.TrimSpace(old) != "" {
		if err := json.Unmarshal([]byte(old), &config); err != nil {
			return "", fmt.Errorf("it is no JSON object: %w", err)
		}
	}
	if err := setMember(config, "auths", host, map[string]string{"auth": basic}); err != nil {
		return "", err
	}
	if config["credsStore"] != nil || config["credHelpers"] != nil {
		if err := setMember(config, "credHelpers", host, ""); err != nil {
			return "", err
		}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	err := e.Encode(config)
	return out.String(), err
}

// setMember sets a member of an object within an object.
func setMember(config map[string]json.RawMessage, object, name string, value any) error {
	inner := map[string]json.RawMessage{}
	if raw := config[object]; raw != nil {
		if err := json.Unmarshal(raw, &inner); err != nil {
			return fmt.Errorf("%s is no JSON object: %w", object, err)
		}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if inner == nil {
		inner = map[string]json.RawMessage{}
	}
	inner[name] = raw
	config[object], err = json.Marshal(inner)
	return err
}

// yamlFile is a YAML mapping that keeps its comments.
type yamlFile struct{ doc yaml.Node }

func parseYAML(text string) (*yamlFile, error) {
	y := &yamlFile{}
	if err := yaml.Unmarshal([]byte(text), &y.doc); err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	if y.doc.Kind == 0 {
		y.doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}}
	}
	if y.doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is no mapping")
	}
	return y, nil
}

// at returns the node at a path, and makes mappings on the way; the last one is of the given kind.
func (y *yamlFile) at(path []string, kind yaml.Kind) *yaml.Node {
	node := y.doc.Content[0]
	for i, name := range path {
		var found *yaml.Node
		for k := 0; k+1 < len(node.Content); k += 2 {
			if node.Content[k].Value == name {
				found = node.Content[k+1]
			}
		}
		want := kind
		if i < len(path)-1 {
			want = yaml.MappingNode
		}
		if found == nil {
			found = &yaml.Node{}
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, found)
		}
		if found.Kind != want {
			*found = yaml.Node{Kind: want}
		}
		node = found
	}
	return node
}

// set sets a value; true and false are no text.
func (y *yamlFile) set(path []string, value string) {
	node := y.at(path, yaml.ScalarNode)
	node.Value, node.Tag, node.Style = value, "!!str", yaml.DoubleQuotedStyle
	if value == "true" || value == "false" {
		node.Tag, node.Style = "!!bool", 0
	}
}

// add adds the items to a list that it does not have.
func (y *yamlFile) add(path []string, items ...string) {
	list := y.at(path, yaml.SequenceNode)
	for _, item := range items {
		if !slices.ContainsFunc(list.Content, func(have *yaml.Node) bool { return have.Value == item }) {
			list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: item, Tag: "!!str", Style: yaml.DoubleQuotedStyle})
		}
	}
}

func (y *yamlFile) text() (string, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	err := errors.Join(e.Encode(&y.doc), e.Close())
	return out.String(), err
}
