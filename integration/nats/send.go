package nats

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"slipway/integration"
	"slipway/integration/brokerurl"
)

// sender is a connection. It implements integration.Sender.
type sender struct {
	conn  *nats.Conn
	js    jetstream.JetStream
	place place
}

// leastWait is given to a connection whose time is over, for its own error.
const leastWait = time.Millisecond

func remaining(deadline time.Time) time.Duration { return max(leastWait, time.Until(deadline)) }

// Close implements integration.Sender.
func (s *sender) Close() error {
	s.conn.Close()
	return nil
}

// Send implements integration.Sender. What the stream acknowledges is stored by it; a message that it knows by its id is acknowledged too.
func (s *sender) Send(ctx context.Context, batch []integration.Message) []integration.Result {
	acks := make([]jetstream.PubAckFuture, len(batch))
	out := make([]integration.Result, len(batch))
	for i, m := range batch {
		var err error
		if acks[i], err = s.js.PublishMsgAsync(s.message(m), jetstream.WithMsgID(m.ID), jetstream.WithExpectStream(s.place.stream)); err != nil {
			out[i] = resultOf(err)
		}
	}
	for i, ack := range acks {
		if ack == nil {
			continue
		}
		select {
		case <-ack.Ok():
			out[i] = integration.Result{Verdict: integration.Delivered}
		case err := <-ack.Err():
			out[i] = resultOf(err)
		case <-ctx.Done():
			out[i] = integration.Result{Note: "the stream has not acknowledged it in time"}
		}
	}
	return out
}

// message is an event in binary mode, its headers being those of the HTTP binding, or in structured mode
// (NATS Protocol Binding for CloudEvents 1.0.3, 3.1 and 3.2).
func (s *sender) message(m integration.Message) *nats.Msg {
	out := nats.NewMsg(brokerurl.Fill(s.place.subject, m))
	out.Data = m.Body
	for name, value := range m.Header {
		out.Header.Set(name, value)
	}
	if m.ContentType != "" {
		out.Header.Set("content-type", m.ContentType)
	}
	return out
}

// Codes of answers of JetStream.
const (
	codeMessageTooLarge = 10054 // JSStreamMessageExceedsMaximumErr
	codeOtherStream     = 10060 // JSStreamNotMatchErr
)

// resultOf says what an error means for a message.
func resultOf(err error) integration.Result {
	out := integration.Result{Note: err.Error()}
	var api *jetstream.APIError
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		out.Verdict, out.Note = integration.Refused, "it is larger than the server takes (max_payload)"
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		out.Note = "no stream takes its subject"
	case errors.As(err, &api) && api.ErrorCode == codeMessageTooLarge:
		out.Verdict, out.Status, out.Note = integration.Refused, int(api.ErrorCode), "it is larger than the stream takes (max_msg_size)"
	case errors.As(err, &api) && api.ErrorCode == codeOtherStream:
		out.Status, out.Note = int(api.ErrorCode), "another stream than that of the URL takes its subject"
	case errors.As(err, &api):
		out.Status, out.Note = int(api.ErrorCode), strings.TrimPrefix(api.Description, "nats: ")
	}
	return out
}
