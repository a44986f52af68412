package kafka

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"slipway/integration"
	"slipway/integration/brokerurl"
)

// deliveryTimeout is how long a record may take. One that is on its way can't be withdrawn: the client ends it when the broker has answered,
// or when it is closed.
const deliveryTimeout = 10 * time.Second

// sender is a client of one cluster. It implements integration.Sender.
type sender struct {
	client *kgo.Client
	topic  string
}

// Close implements integration.Sender.
func (s *sender) Close() error {
	s.client.Close()
	return nil
}

// Send implements integration.Sender. A record is acknowledged when all replicas in sync have it (acks=all), once for each attempt of the
// client's own (an idempotent producer).
func (s *sender) Send(ctx context.Context, batch []integration.Message) []integration.Result {
	out := s.together(ctx, batch)
	for i, m := range batch {
		if out[i].Verdict == integration.Refused && len(batch) > 1 { // the brokers have refused all that the client had put together
			out[i] = s.together(ctx, []integration.Message{m})[0]
		}
	}
	return out
}

// together sends messages at once, which the client may put into one request of Kafka's.
func (s *sender) together(ctx context.Context, batch []integration.Message) []integration.Result {
	var mu sync.Mutex
	out := make([]integration.Result, len(batch))
	for i := range out {
		out[i].Note = "the brokers have not acknowledged it in time"
	}
	var open sync.WaitGroup
	for i, m := range batch {
		open.Add(1)
		s.client.Produce(ctx, s.record(m), func(_ *kgo.Record, err error) {
			defer open.Done()
			mu.Lock()
			defer mu.Unlock()
			out[i] = s.resultOf(err)
		})
	}
	done := make(chan struct{})
	go func() {
		open.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	return append([]integration.Result{}, out...) // late answers change nothing that was returned
}

// record is an event in binary or structured mode (Kafka Protocol Binding for CloudEvents 1.0.2, 3.2 and 3.3); its key is the partition
// key (3.1).
func (s *sender) record(m integration.Message) *kgo.Record {
	r := &kgo.Record{Topic: s.topic, Value: m.Body}
	if m.Key != "" {
		r.Key = []byte(m.Key)
	}
	if m.ContentType != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "content-type", Value: []byte(m.ContentType)})
	}
	for name, value := range brokerurl.Attributes(m) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_" + name, Value: []byte(value)})
	}
	return r
}

// resultOf says what an error means for a record.
func (s *sender) resultOf(err error) integration.Result {
	var broker *kerr.Error
	switch {
	case err == nil:
		return integration.Result{Verdict: integration.Delivered}
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return integration.Result{Verdict: integration.Refused, Status: int(kerr.MessageTooLarge.Code), Note: "it is larger than the topic takes (max.message.bytes)"}
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return integration.Result{Status: int(kerr.UnknownTopicOrPartition.Code), Note: "there is no topic " + s.topic}
	case errors.As(err, &broker):
		return integration.Result{Status: int(broker.Code), Note: strings.ToLower(strings.ReplaceAll(broker.Message, "_", " ")) + ": " + broker.Description}
	}
	return integration.Result{Note: err.Error()}
}
