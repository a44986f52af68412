package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Setting is a setting that a repository of the server can have. Type is the name of a JSON type.
type Setting struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"` // what people call it
	Type        string   `json:"type"`
	Description string   `json:"description"`
	Enum        []string `json:"enum,omitempty"` // the values that it takes, where they are a closed set
}

// Document returns the server's OpenAPI document (3.1), as JSON.
func (c *Client) Document(ctx context.Context) ([]byte, error) {
	return c.text(ctx, get("/openapi.json", nil))
}

// Settings lists the settings that a repository can have: those of the server, and those that its formats add, by name. They
// are those of the server's OpenAPI document.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	raw, err := c.Document(ctx)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Components struct {
			Schemas struct {
				RepositorySettings struct {
					Properties map[string]struct {
						Title       string
						Type        string
						Description string
						Enum        []string
					}
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("the server's document can't be read: %w", err)
	}
	out := []Setting{}
	for name, p := range doc.Components.Schemas.RepositorySettings.Properties {
		out = append(out, Setting{name, p.Title, p.Type, p.Description, p.Enum})
	}
	slices.SortFunc(out, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
