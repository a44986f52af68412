// Package webhook sends messages as HTTP requests that their receiver can verify: Standard Webhooks, symmetric scheme v1.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway/integration"
	"slipway/internal/outbound"
	"slipway/registry"
)

// Name is the sink's.
const Name = "webhook"

const (
	// timeout bounds one attempt, the answer included (Standard Webhooks, "Request timeout": 15 to 30 s).
	timeout        = 15 * time.Second
	maxAnswerBytes = 8 << 10
	maxRetryAfter  = 24 * time.Hour
)

// Sink sends messages. It implements integration.Sink, and is safe for concurrent use.
type Sink struct {
	client  *http.Client
	agent   string
	timeout time.Duration
	now     func() time.Time
}

var _ integration.Sink = (*Sink)(nil)

// New makes a sink that reaches what outbound lets it. version is of this program.
func New(o outbound.Options, version string) *Sink {
	return &Sink{client: outbound.Client(o), agent: "slipway/" + version, timeout: timeout, now: time.Now}
}

// Close lets go of idle connections.
func (s *Sink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// Name implements integration.Sink.
func (*Sink) Name() string { return Name }

// Ordered implements integration.Sink: several requests of a subscription run at once.
func (*Sink) Ordered() bool { return false }

// Check checks the form of a URL; whether its address may be reached shows when it is. Invalid.
func (*Sink) Check(target string) error {
	u, err := url.Parse(target)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Fragment != "":
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: it must be of the form https://host[:port]/path")
	case u.User != nil:
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: it can't hold a user name or password; the receiver knows us by the signature")
	}
	return nil
}

// Receiver is the host and the port of a URL.
func (*Sink) Receiver(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "" // Check has refused it
	}
	return u.Host
}

// Deliver sends a message once. An answer of 2xx is a success, whatever it says; every other one, redirects too, is none.
func (s *Sink) Deliver(ctx context.Context, t integration.Target, m integration.Message) integration.Result {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	r, err := s.request(ctx, t, m)
	if err != nil {
		return integration.Result{Verdict: integration.Refused, Note: "the URL can't be read"} // and is not repeated: it may hold a secret
	}
	res, err := s.client.Do(r)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer res.Body.Close()
	return s.answered(t, res)
}

// request makes the request of one attempt. Headers of the message can't replace those that identify and sign it.
func (s *Sink) request(ctx context.Context, t integration.Target, m integration.Message) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range m.Header {
		if value == integration.SecretMark {
			value = t.Secret
		}
		r.Header.Set(name, value)
	}
	at := s.now()
	if m.ContentType != "" {
		r.Header.Set("Content-Type", m.ContentType)
	}
	r.Header.Set("User-Agent", s.agent)
	r.Header.Set("Webhook-Id", m.ID)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	if len(t.Secrets) > 0 {
		signatures := make([]string, len(t.Secrets))
		for i, key := range t.Secrets {
			signatures[i] = Sign(key, m.ID, at, m.Body)
		}
		r.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
	}
	r.Header.Set("Slipway-Attempt", strconv.Itoa(t.Attempt))
	if t.Redelivery {
		r.Header.Set("Slipway-Redelivery", "true")
	}
	return r, nil
}

// Sign makes one signature of a message that is sent at a time (Standard Webhooks, "Signature scheme").
func Sign(key []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// answered reads an answer. Its status alone says whether the message arrived: that the rest of it can't be read changes
// nothing for the receiver.
func (s *Sink) answered(t integration.Target, res *http.Response) integration.Result {
	out := integration.Result{Status: res.StatusCode, Answer: beginning(res.Body, t.Secret)}
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		out.Verdict = integration.Delivered
		return out
	case code >= 300 && code < 400:
		out.Note = "the receiver sends elsewhere (HTTP " + strconv.Itoa(code) + "), which is not followed: the subscription needs the final URL"
		return out
	}
	out.Note = "the receiver answered HTTP " + strconv.Itoa(res.StatusCode)
	switch res.StatusCode {
	case http.StatusGone:
		out.Verdict, out.Ending = integration.Gone, "the receiver wants no more (410 Gone)"
	case http.StatusUnsupportedMediaType:
		out.Verdict = integration.Refused
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		out.After = retryAfter(res.Header.Get("Retry-After"), s.now())
	}
	return out
}

// beginning is the first part of an answer's body. Receivers made for looking at requests send them back: the secret is
// taken out.
func beginning(body io.Reader, secret string) []byte {
	raw, _ := io.ReadAll(io.LimitReader(body, int64(maxAnswerBytes+len(secret)))) // as much as there is
	if secret != "" {
		raw = bytes.ReplaceAll(raw, []byte(secret), []byte(integration.SecretMark))
	}
	return raw[:min(len(raw), maxAnswerBytes)]
}

// retryAfter reads the header: seconds, or a date (RFC 9110, 10.2.3); 0 for what is neither or over.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
