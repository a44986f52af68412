package ui

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"slipway/api"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// deliveryView has the values of a delivery's page.
type deliveryView struct {
	*frame
	Subscription api.SubscriptionDetail
	Delivery     api.DeliveryDetail
	Target       string // where it is sent to, without what may be secret
	Header       []param
	Body         string // for people
	Error        string
}

// notOurs is the error for a delivery that is none of the subscription of its address.
func notOurs(id string) error {
	return registry.Errorf(registry.NotFound, registry.AboutDelivery, "there is no delivery %s", registry.Clip(id))
}

// delivery answers GET /subscriptions/{id}/deliveries/{delivery}: the request, and how each attempt went.
func (u *Pages) delivery(w http.ResponseWriter, r *http.Request) error {
	return u.writeDelivery(w, r, http.StatusOK, deliveryView{})
}

func (u *Pages) writeDelivery(w http.ResponseWriter, r *http.Request, status int, v deliveryView) error {
	subscription, err := wire.Segment(r, "id")
	if err != nil {
		return err
	}
	id, err := wire.Segment(r, "delivery")
	if err != nil {
		return err
	}
	f := frameOf(r)
	v.frame = f
	if v.Delivery, err = u.deliveryFor(r.Context(), subscription, id); err != nil {
		return err
	}
	if v.Subscription, err = u.api.Subscription(r.Context(), subscription); err != nil {
		return err
	}
	v.Target, v.Body = maskedURL(v.Delivery.Request.URL), v.Delivery.Request.Body
	for _, name := range slices.Sorted(maps.Keys(v.Delivery.Request.Header)) {
		value := v.Delivery.Request.Header[name]
		if secretName(name) {
			value = masked
		}
		v.Header = append(v.Header, param{name, value})
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, []byte(v.Body), "", "  ") == nil {
		v.Body = pretty.String()
	}
	f.crumb("Subscriptions", subscriptionsPath)
	f.crumb(v.Subscription.Name, subscriptionPath(subscription))
	f.about("Delivery "+id, "deliveries", id)
	return write(w, r, status, "delivery", v)
}

// redeliver answers POST /subscriptions/{id}/deliveries/{delivery}: it sends the delivery again.
func (u *Pages) redeliver(w http.ResponseWriter, r *http.Request) error {
	subscription, err := wire.Segment(r, "id")
	if err != nil {
		return err
	}
	id, err := wire.Segment(r, "delivery")
	if err != nil {
		return err
	}
	err = u.redeliverAll(r.Context(), subscription, []string{id})
	if detail, status, ok := refusal(err); ok && status != http.StatusNotFound {
		return u.writeDelivery(w, r, status, deliveryView{Error: detail})
	}
	if err != nil {
		return err
	}
	return u.seeOther(w, r, deliveryPath(subscription, id))
}

// masked stands for what may be secret.
const masked = "••••••"

// maxPlainSegment is how long a segment of a target's path may be that is no secret: the addresses of chat rooms have theirs in the path.
const maxPlainSegment = 20

// maskedURL shows an address without what may be secret in it: a password, the values of its query, and long segments of its path.
// Targets of message brokers can hold no secret, and may list hosts.
func maskedURL(text string) string {
	if scheme, _, _ := strings.Cut(text, "://"); scheme != "http" && slices.ContainsFunc(sinkWords, func(c choice) bool { return c.Value == scheme }) {
		return text
	}
	a, err := url.Parse(text)
	if err != nil || a.Host == "" {
		return masked
	}
	var b strings.Builder
	b.WriteString(a.Scheme + "://")
	if a.User != nil {
		b.WriteString(masked + "@")
	}
	b.WriteString(a.Host)
	for i, segment := range strings.Split(a.EscapedPath(), "/") {
		if i > 0 {
			b.WriteString("/")
		}
		if len(segment) > maxPlainSegment {
			segment = masked
		}
		b.WriteString(segment)
	}
	for i, name := range slices.Sorted(maps.Keys(a.Query())) {
		b.WriteString(map[bool]string{true: "?", false: "&"}[i == 0] + url.QueryEscape(name) + "=" + masked)
	}
	return b.String()
}

// secretName reports whether the value of a header may be a secret.
func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"authorization", "cookie", "token", "secret", "signature", "api-key", "apikey", "password"}, func(part string) bool { return strings.Contains(name, part) })
}
