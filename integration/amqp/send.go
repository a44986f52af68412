package amqp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"slipway/integration"
	"slipway/integration/brokerurl"
)

const (
	// pipelined messages wait for RabbitMQ at most. As many returned ones have room: the client drops one that nobody takes, and its
	// message would pass for delivered.
	pipelined = 500
	goodbye   = time.Second
	prefix    = "cloudEvents" // of the attributes' headers
)

// sender is a connection. It implements integration.Sender.
type sender struct {
	raw   net.Conn
	conn  *amqp091.Connection
	place place

	channel *amqp091.Channel // closed by RabbitMQ with each error that it says; nil: there is none
	returns chan amqp091.Return
	closes  chan *amqp091.Error

	blocked atomic.Pointer[string] // why RabbitMQ reads nothing now
}

// watch notes whether RabbitMQ reads, until the connection is closed.
func (s *sender) watch(changes <-chan amqp091.Blocking) {
	for b := range changes {
		if s.blocked.Store(nil); b.Active {
			s.blocked.Store(&b.Reason)
		}
	}
}

// cut ends the connection whatever is under way.
func (s *sender) cut() { _ = s.raw.Close() }

// Close implements integration.Sender.
func (s *sender) Close() error {
	err := s.conn.CloseDeadline(time.Now().Add(goodbye))
	s.cut()
	if errors.Is(err, amqp091.ErrClosed) {
		return nil
	}
	return err
}

// open makes a channel that confirms, and looks whether the exchange is there.
func (s *sender) open() error {
	channel, err := s.conn.Channel()
	if err != nil {
		return explain(err)
	}
	if err := channel.ExchangeDeclarePassive(s.place.exchange, "topic", true, false, false, false, nil); err != nil {
		var said *amqp091.Error
		if errors.As(err, &said) && said.Code == amqp091.NotFound {
			return s.missing()
		}
		return fmt.Errorf("exchange %s: %w", s.place.exchange, explain(err))
	}
	if err := channel.Confirm(false); err != nil {
		return fmt.Errorf("no publisher confirms: %w", explain(err))
	}
	s.channel = channel
	s.returns = channel.NotifyReturn(make(chan amqp091.Return, pipelined))
	s.closes = channel.NotifyClose(make(chan *amqp091.Error, 1))
	return nil
}

func (s *sender) missing() error {
	return fmt.Errorf("there is no exchange %s in the virtual host %s: make it", s.place.exchange, s.place.vhost)
}

// Send implements integration.Sender. A message is delivered when RabbitMQ has confirmed it and has not returned it before: it confirms
// what no queue takes, too. When the context ends first, so does the connection.
func (s *sender) Send(ctx context.Context, batch []integration.Message) []integration.Result {
	stop := context.AfterFunc(ctx, s.cut)
	defer stop()
	out := make([]integration.Result, 0, len(batch))
	for some := range slices.Chunk(batch, pipelined) {
		out = append(out, s.together(ctx, some)...)
	}
	for i, m := range batch {
		if out[i].Verdict == integration.Refused && len(batch) > 1 { // one of them has closed the channel for all that followed
			out[i] = s.together(ctx, []integration.Message{m})[0]
		}
	}
	return out
}

// together sends messages, at most pipelined, and waits until all are confirmed.
func (s *sender) together(ctx context.Context, batch []integration.Message) []integration.Result {
	out, confirms := make([]integration.Result, len(batch)), make([]*amqp091.DeferredConfirmation, len(batch))
	if s.channel == nil {
		if err := s.open(); err != nil {
			for i := range out {
				out[i].Note = err.Error()
			}
			return out
		}
	}
	for i, m := range batch {
		key := brokerurl.Fill(s.place.key, m)
		if len(key) > maxName {
			out[i] = integration.Result{Verdict: integration.Refused, Note: fmt.Sprintf("its key is longer than %d bytes", maxName)}
			continue
		}
		var err error
		if confirms[i], err = s.channel.PublishWithDeferredConfirm(s.place.exchange, key, true, false, s.message(m)); err != nil {
			out[i].Note = err.Error()
		}
	}
	for i, confirm := range confirms {
		if confirm == nil {
			continue
		}
		select {
		case <-confirm.Done():
			out[i] = integration.Result{Verdict: integration.Delivered}
			if !confirm.Acked() {
				out[i] = integration.Result{Note: "RabbitMQ could not keep it"}
			}
		case <-ctx.Done():
			out[i].Note = s.late()
		}
	}
	s.returned(batch, out)
	s.broken(out)
	return out
}

// late says why a message is not confirmed in time.
func (s *sender) late() string {
	if why := s.blocked.Load(); why != nil {
		return "RabbitMQ takes no messages now: " + *why
	}
	return "RabbitMQ has not confirmed it in time"
}

// returned makes failures of the messages that RabbitMQ has returned. A message is returned before it is confirmed.
func (s *sender) returned(batch []integration.Message, out []integration.Result) {
	for {
		select {
		case r, ok := <-s.returns:
			if !ok {
				return
			}
			if i := slices.IndexFunc(batch, func(m integration.Message) bool { return m.ID == r.MessageId }); i >= 0 {
				out[i] = integration.Result{Status: int(r.ReplyCode),
					Note: fmt.Sprintf("no queue takes it: %s (%d) of exchange %s with key %s", r.ReplyText, r.ReplyCode, r.Exchange, r.RoutingKey)}
			}
		default:
			return
		}
	}
}

// broken says in the results of what was not delivered why RabbitMQ has closed the channel, if it has: then another is opened for what is sent
// next.
func (s *sender) broken(out []integration.Result) {
	if !s.channel.IsClosed() {
		return
	}
	s.channel = nil
	said, ok := <-s.closes
	why := integration.Result{Note: "the connection to RabbitMQ has ended"}
	switch {
	case !ok || said == nil:
	case said.Code == amqp091.NotFound:
		why = integration.Result{Status: said.Code, Note: s.missing().Error()}
	case said.Code == amqp091.PreconditionFailed && strings.Contains(said.Reason, "larger than"):
		why = integration.Result{Verdict: integration.Refused, Status: said.Code, Note: "it is larger than RabbitMQ takes (max_message_size)"}
	default:
		why = integration.Result{Status: said.Code, Note: explain(said).Error()}
	}
	for i, r := range out {
		if r.Verdict == integration.Retry {
			out[i] = why
		}
	}
}

// message is an event in binary or structured mode (AMQP Protocol Binding for CloudEvents 1.0.2, 3.1 and 3.2). Headers of AMQP 0-9-1 are
// the application properties of AMQP 1.0, as RabbitMQ translates them.
func (s *sender) message(m integration.Message) amqp091.Publishing {
	out := amqp091.Publishing{MessageId: m.ID, ContentType: m.ContentType, DeliveryMode: amqp091.Persistent, AppId: "slipway", Body: m.Body, Headers: amqp091.Table{}}
	for name, value := range brokerurl.Attributes(m) {
		out.Headers[prefix+s.place.separator+name] = value
	}
	return out
}
