package installation

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"slipway/cmd/slipway/internal/command"

	"go.yaml.in/yaml/v3"
)

// maxConfigBytes bounds the configuration file.
const maxConfigBytes = 1 << 20

// readConfig reads a YAML mapping of flag names to values; an underscore counts as a dash, a list as its items joined by
// commas. A key that is no flag is refused: a misspelt setting must not seem to be in force.
func readConfig(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxConfigBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxConfigBytes)
	}
	values, err := parseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

func parseConfig(raw []byte) (map[string]string, error) {
	var doc map[string]yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, errors.New(strings.TrimPrefix(command.OneLine(err.Error()), "yaml: "))
	}
	known := knownKeys()
	out := map[string]string{}
	for key, node := range doc {
		name := strings.ReplaceAll(key, "_", "-")
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown key %q (line %d)%s; known are %s", key, node.Line, strings.TrimSuffix(command.DidYouMean(name, known), "?"), strings.Join(known, ", "))
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("key %q is there twice", name)
		}
		value, err := scalar(&node)
		if err != nil {
			return nil, fmt.Errorf("%s (line %d): %w", key, node.Line, err)
		}
		out[name] = value
	}
	return out, nil
}

// scalar returns the text of a value.
func scalar(n *yaml.Node) (string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return n.Value, nil
	case n.Kind == yaml.SequenceNode:
		parts := make([]string, len(n.Content))
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errors.New("a list of plain values is needed")
			}
			parts[i] = item.Value
		}
		return strings.Join(parts, ","), nil
	default:
		return "", errors.New("a plain value is needed")
	}
}
