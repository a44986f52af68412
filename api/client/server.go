package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// Status returns version and health of the server, to callers with the right "audit" on it.
func (c *Client) Status(ctx context.Context) (api.ServerStatus, error) {
	return call[api.ServerStatus](ctx, c, get("/status", nil))
}

// Configuration lists the settings that the server was started with, to callers with the right "audit" on it.
func (c *Client) Configuration(ctx context.Context) iter.Seq2[api.ConfigurationSetting, error] {
	return list[api.ConfigurationSetting](ctx, c, "/configuration", nil)
}

// Duties lists the background work of the server, to callers with the right "audit" on it.
func (c *Client) Duties(ctx context.Context) iter.Seq2[api.Duty, error] {
	return list[api.Duty](ctx, c, "/duties", nil)
}

// Cluster returns the processes that serve the installation, to callers with the right "audit" on the server.
func (c *Client) Cluster(ctx context.Context) (api.Cluster, error) {
	return call[api.Cluster](ctx, c, get("/cluster", nil))
}

// Maintenance lists the last collection, check and backup, or the one that goes on, to callers with the right "audit" on the server.
func (c *Client) Maintenance(ctx context.Context) iter.Seq2[api.MaintenanceRun, error] {
	return list[api.MaintenanceRun](ctx, c, "/maintenance", nil)
}

// StartMaintenance begins a collection or a check, which goes on after the call. It takes the right "admin" on the server.
func (c *Client) StartMaintenance(ctx context.Context, r api.MaintenanceRequest) (api.MaintenanceRun, error) {
	return call[api.MaintenanceRun](ctx, c, request{method: http.MethodPost, path: "/maintenance", body: r})
}
