package kafka_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// jars is the folder of the broker's jars in $SLIPWAY_CLIENTS, which .ci/clients-kafka.sh fills.
const jars = "kafka-4.1.0"

// broker is a Kafka broker, its own controller, in a process that is killed and started.
type broker struct {
	t       *testing.T
	address string
	java    []string
	config  string
	process *exec.Cmd
}

// newBroker starts a broker. Without its jars the test is skipped, or fails where SLIPWAY_REQUIRE_CLIENTS is set.
func newBroker(t *testing.T) *broker {
	t.Helper()
	lib := filepath.Join(os.Getenv("SLIPWAY_CLIENTS"), jars)
	if _, err := os.Stat(lib); err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatal(err)
		}
		t.Skipf("no broker: %v: make clients", err)
	}
	dir := t.TempDir()
	b := &broker{t: t, address: freePort(t), config: filepath.Join(dir, "server.properties"),
		java: []string{"-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", lib + "/*"}}
	controller := freePort(t)
	text := fmt.Sprintf("process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@%s\nlisteners=PLAINTEXT://%s,CONTROLLER://%s\n"+
		"advertised.listeners=PLAINTEXT://%s\ncontroller.listener.names=CONTROLLER\nlog.dirs=%s\noffsets.topic.replication.factor=1\n"+
		"transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\nauto.create.topics.enable=false\n",
		controller, b.address, controller, b.address, filepath.Join(dir, "log"))
	if err := os.WriteFile(b.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("java", append(b.java, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", b.config)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b.start()
	t.Cleanup(b.kill)
	return b
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start waits until the broker answers.
func (b *broker) start() {
	b.t.Helper()
	b.process = exec.Command("java", append(b.java, "kafka.Kafka", b.config)...)
	if err := b.process.Start(); err != nil {
		b.t.Fatal(err)
	}
	client := b.client()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
		err := client.Ping(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("Kafka does not start: %v", err)
		}
	}
}

// kill ends the broker at once, as kill -9 does.
func (b *broker) kill() {
	_ = b.process.Process.Kill() // it may have ended
	_ = b.process.Wait()
}

func (b *broker) client(o ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	c, err := kgo.NewClient(append(o, kgo.SeedBrokers(b.address))...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(c.Close)
	return c
}

// topic makes a topic with three partitions that takes messages of so many bytes.
func (b *broker) topic(name string, maxBytes int) {
	b.t.Helper()
	most := fmt.Sprint(maxBytes)
	r := kmsg.NewPtrCreateTopicsRequest()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = name, 3, 1
	one.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "max.message.bytes", Value: &most}}
	r.Topics = append(r.Topics, one)
	res, err := r.RequestWith(b.t.Context(), b.client())
	if err != nil || res.Topics[0].ErrorCode != 0 {
		b.t.Fatalf("topic %s: %v %+v", name, err, res)
	}
}

// read returns what a topic holds when it holds at least n records, or after a minute.
func (b *broker) read(topic string, n int) []*kgo.Record {
	b.t.Helper()
	client := b.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	var out []*kgo.Record
	for len(out) < n && ctx.Err() == nil {
		out = append(out, client.PollFetches(ctx).Records()...)
	}
	return out
}

func (b *broker) url(topic string) string {
	return "kafka://" + strings.TrimSpace(b.address) + "/" + topic + "?tls=false"
}
