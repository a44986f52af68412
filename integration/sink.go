package integration

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/registry"
)

// Sink sends messages to receivers of one kind: HTTP servers, a message broker. Methods are safe for concurrent use.
type Sink interface {
	// Name is what subscriptions call the sink, and is stored with them and with deliveries: lower case, never renamed.
	Name() string
	// Check says why a subscription can't have this target. It makes no request: whether the target may be reached shows when
	// something is sent. The error does not repeat the target, which may hold a secret. Invalid.
	Check(target string) error
	// Receiver names the machine or service behind a target, for the bound of attempts that one receiver gets at a time.
	Receiver(target string) string
	// Ordered reports whether receivers rely on order: then an event waits until the former one of its partition key in the
	// subscription is delivered or dead. Events of different keys, or of none, overtake one another.
	Ordered() bool
	// Deliver makes one attempt, does not retry, and ends with its context.
	Deliver(ctx context.Context, t Target, m Message) Result
	// Close lets go of connections.
	Close() error
}

// Broker is a sink whose subscriptions are streams: their events have no deliveries, but are read from the log when the broker
// takes them, and their cursor follows what it has acknowledged. Deliver is for what has one: pings, and what was refused.
type Broker interface {
	Sink
	// CheckCredentials says why a subscription can't have these. Invalid; the error repeats none of them.
	CheckCredentials(c Credentials) error
	// Open makes a connection for one subscription. The error is for its owner, and holds no secret.
	Open(ctx context.Context, t Target) (Sender, error)
}

// Sender is a connection to a broker. One goroutine uses it.
type Sender interface {
	// Send sends messages, none of which has the key of another, and returns a result for each once all are known or the context
	// has ended. Delivered is what the broker has acknowledged, and nothing less. It does not retry.
	Send(ctx context.Context, batch []Message) []Result
	// Close gives up what is under way.
	Close() error
}

// SendOne is the Deliver of brokers: one message over a connection of its own.
func SendOne(ctx context.Context, b Broker, t Target, m Message) Result {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	sender, err := b.Open(ctx, t)
	if err != nil {
		return Result{Note: err.Error()}
	}
	defer func() { _ = sender.Close() }() // the result is known
	return sender.Send(ctx, []Message{m})[0]
}

// Target is where a subscription sends.
type Target struct {
	URL        string   // as Check has let it pass
	Secrets    [][]byte // raw key bytes, the newest first; every one of them signs, which lets a receiver change over
	Secret     string   // the newest as its owner wrote it, for receivers that compare it with what arrives
	Attempt    int      // 1 is the first
	Redelivery bool     // asked for again after the message was settled
	// Credentials are for brokers.
	Credentials Credentials
}

// Verdict is what an attempt means for the message.
type Verdict int

// Verdicts. All but Delivered are failures.
const (
	Retry     Verdict = iota // another attempt may work
	Delivered                // the receiver has taken the message
	Refused                  // no attempt can work: this message is dead at once
	Gone                     // the receiver wants no more: the message is dead, and its subscription is disabled
)

// Result is the outcome of one attempt.
type Result struct {
	Verdict Verdict
	After   time.Duration // of Retry: the receiver asked to be left alone for so long; 0: it did not ask
	Note    string        // why the message was not delivered, for the owner of the subscription; it holds no secret
	Ending  string        // of Gone: why the subscription is disabled
	Status  int           // the answer's code in the receiver's protocol; 0: no answer came
	Answer  []byte        // the first 8 KiB of what the receiver said, for administrators of the instance
}

// Sinks are the sinks of a server. New subscriptions use the first unless they name another.
type Sinks []Sink

// defaultName is the sink of a subscription that names none; "" where there are no sinks.
func (s Sinks) defaultName() string {
	if len(s) == 0 {
		return ""
	}
	return s[0].Name()
}

// named returns a sink; nil: there is none of this name.
func (s Sinks) named(name string) Sink {
	if i := slices.IndexFunc(s, func(sink Sink) bool { return sink.Name() == name }); i >= 0 {
		return s[i]
	}
	return nil
}

// known is named for a name that a caller gave. Invalid: no sink has it; the error lists those that exist.
func (s Sinks) known(name string) (Sink, error) {
	if sink := s.named(name); sink != nil {
		return sink, nil
	}
	names := make([]string, len(s))
	for i, sink := range s {
		names[i] = strconv.Quote(sink.Name())
	}
	return nil, registry.Errorf(registry.Invalid, registry.AboutSubscription, "sink: %q is not known; there is %s", registry.Clip(name), strings.Join(names, ", "))
}

// checkTarget refuses a target that can't be stored or that the sink can't send to. Invalid.
func checkTarget(sink Sink, target string) error {
	if len(target) > maxSubscriptionURL || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return registry.Errorf(registry.Invalid, registry.AboutSubscription, "url: at most %d characters of printable ASCII", maxSubscriptionURL)
	}
	return sink.Check(target)
}

// brokers are the names of those that are brokers.
func (s Sinks) brokers() []string {
	var out []string
	for _, sink := range s {
		if _, ok := sink.(Broker); ok {
			out = append(out, sink.Name())
		}
	}
	return out
}

// streams reports whether events of a subscription are streamed. One whose sink this server does not have waits as a stream does, until
// it has the sink again.
func (s Sinks) streams(sub Subscription) bool {
	sink := s.named(sub.Sink)
	_, ok := sink.(Broker)
	return sink == nil || ok
}

// receiver is what the bound of one receiver counts by.
func (s Sinks) receiver(sub Subscription) string {
	sink := s.named(sub.Sink)
	if sink == nil {
		return ""
	}
	return sink.Receiver(sub.URL)
}

// lane is the lane of an event's deliveries: those of one lane are sent one after the other. A sink that this server does not
// have may be one that keeps order.
func (s Sinks) lane(sub Subscription, e registry.Event) string {
	if sink := s.named(sub.Sink); sink != nil && !sink.Ordered() {
		return ""
	}
	return e.PartitionKey
}

// Close closes all sinks.
func (s Sinks) Close() error {
	var errs []error
	for _, sink := range s {
		errs = append(errs, sink.Close())
	}
	return errors.Join(errs...)
}
