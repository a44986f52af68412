package client

import (
	"context"
	"iter"
	"net/http"

	"slipway/api"
)

// Subscriptions lists the subscriptions whose repositories the caller administers.
func (c *Client) Subscriptions(ctx context.Context) iter.Seq2[api.Subscription, error] {
	return list[api.Subscription](ctx, c, "/subscriptions", nil)
}

// Subscription returns one subscription with the state of its deliveries.
func (c *Client) Subscription(ctx context.Context, id string) (api.SubscriptionDetail, error) {
	return call[api.SubscriptionDetail](ctx, c, get(segments("subscriptions", id), nil))
}

// CreateSubscription makes a subscription, and returns it with the secret that signs, which can't be had again.
func (c *Client) CreateSubscription(ctx context.Context, s api.NewSubscription) (api.ChangedSubscription, error) {
	return call[api.ChangedSubscription](ctx, c, request{method: http.MethodPost, path: "/subscriptions", body: s})
}

// PreviewSubscription returns what a subscription would have sent of the newest entries of the log.
func (c *Client) PreviewSubscription(ctx context.Context, p api.PreviewRequest) (api.SubscriptionPreview, error) {
	return call[api.SubscriptionPreview](ctx, c, request{method: http.MethodPost, path: "/subscriptions/preview", body: p})
}

// ChangeSubscription changes a subscription; fields that the change leaves out stay. It returns the secret when the change
// set a new one.
func (c *Client) ChangeSubscription(ctx context.Context, id string, s api.SubscriptionChange) (api.ChangedSubscription, error) {
	return call[api.ChangedSubscription](ctx, c, request{method: http.MethodPatch, path: segments("subscriptions", id), body: s})
}

// DeleteSubscription removes a subscription with its deliveries.
func (c *Client) DeleteSubscription(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: segments("subscriptions", id)})
}

// Ping sends a test event, once, and returns its delivery, whose outcome is not known yet.
func (c *Client) Ping(ctx context.Context, id string) (api.Delivery, error) {
	return call[api.Delivery](ctx, c, request{method: http.MethodPost, path: segments("subscriptions", id, "ping")})
}

// Replay sends all events that the subscription selects since a sequence number again.
func (c *Client) Replay(ctx context.Context, id string, since int64) (api.Subscription, error) {
	return call[api.Subscription](ctx, c, request{method: http.MethodPost, path: segments("subscriptions", id, "redeliver"), body: api.ReplayRequest{Since: &since}})
}

// Deliveries lists sent and waiting deliveries, the newest first; with a state, only deliveries in that state.
func (c *Client) Deliveries(ctx context.Context, subscription string, state api.DeliveryState) iter.Seq2[api.Delivery, error] {
	return list[api.Delivery](ctx, c, segments("subscriptions", subscription, "deliveries"), queryOf("state", string(state)))
}

// DeliveriesOf lists the deliveries of one event by its id.
func (c *Client) DeliveriesOf(ctx context.Context, subscription, event string) iter.Seq2[api.Delivery, error] {
	return list[api.Delivery](ctx, c, segments("subscriptions", subscription, "deliveries"), queryOf("event_id", event))
}

// Delivery returns one delivery: its request, and the result of each attempt.
func (c *Client) Delivery(ctx context.Context, id string) (api.DeliveryDetail, error) {
	return call[api.DeliveryDetail](ctx, c, get(segments("deliveries", id), nil))
}

// Redeliver sends a delivery again at once, with the same bytes and the same id.
func (c *Client) Redeliver(ctx context.Context, id string) (api.Delivery, error) {
	return call[api.Delivery](ctx, c, request{method: http.MethodPost, path: segments("deliveries", id, "redeliver")})
}
