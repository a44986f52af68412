package amqp_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"slipway/integration"
	"slipway/integration/brokertest"
)

// user is the only one that a broker of these tests knows.
var user = integration.Credentials{Username: "slipway", Password: "canary"}

// broker is a RabbitMQ server, and the port mapper that Erlang wants beside it, in processes that are killed and started.
type broker struct {
	t          *testing.T
	address    string
	home       string // the server's program
	env        []string
	process    *exec.Cmd
	connection *amqp091.Connection // of the test, to the running server
}

// newBroker starts a server, which takes up to half a minute on a busy machine, each time: the test is one of LONG=1. settings are lines of
// rabbitmq.conf. Without RabbitMQ the test is skipped, or fails where SLIPWAY_REQUIRE_CLIENTS is set.
func newBroker(t *testing.T, settings ...string) *broker {
	t.Helper()
	if os.Getenv("SLIPWAY_TEST_LONG") == "" {
		t.Skip("RabbitMQ takes long to start: make test LONG=1")
	}
	home := filepath.Join(os.Getenv("SLIPWAY_CLIENTS"), "rabbitmq")
	if _, err := os.Stat(home); err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatal(err)
		}
		t.Skipf("no broker: %v: make clients", err)
	}
	dir := t.TempDir()
	b := &broker{t: t, address: brokertest.FreeAddress(t), home: home}
	settings = append(settings, "listeners.tcp.1 = "+b.address, "default_user = "+user.Username, "default_pass = "+user.Password,
		"log.file = false", "log.console = true", "log.console.level = error", "disk_free_limit.absolute = 1MB")
	for name, text := range map[string]string{"rabbitmq.conf": strings.Join(settings, "\n") + "\n", "enabled_plugins": "[].\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, distribution, _ := net.SplitHostPort(brokertest.FreeAddress(t))
	_, mapper, _ := net.SplitHostPort(brokertest.FreeAddress(t))
	b.env = append(os.Environ(), "HOME="+dir, "ERL_EPMD_PORT="+mapper, "ERL_EPMD_ADDRESS=127.0.0.1",
		"RUNNING_UNDER_SYSTEMD=1", // the script becomes the server
		"RABBITMQ_NODENAME=slipway@localhost", "RABBITMQ_DIST_PORT="+distribution, "RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_SERVER_CODE_PATH="+dir,
		"RABBITMQ_MNESIA_BASE="+filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE="+filepath.Join(dir, "log"), "RABBITMQ_PID_FILE="+filepath.Join(dir, "pid"),
		"RABBITMQ_CONFIG_FILE="+filepath.Join(dir, "rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "enabled_plugins"),
		"RABBITMQ_SERVER_ERL_ARGS=+S 1:1 +sbwt none")
	ports := exec.Command("epmd", "-port", mapper, "-address", "127.0.0.1")
	if err := ports.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(ports) })
	t.Cleanup(b.kill)
	b.start()
	return b
}

func end(c *exec.Cmd) {
	_ = c.Process.Kill() // it may have ended
	_ = c.Wait()
}

// start waits until the server answers.
func (b *broker) start() {
	b.t.Helper()
	b.process = exec.Command(filepath.Join(b.home, "sbin", "rabbitmq-server"))
	var said strings.Builder
	b.process.Env, b.process.Stdout, b.process.Stderr, b.process.WaitDelay = b.env, &said, &said, time.Second
	if err := b.process.Start(); err != nil {
		b.t.Fatal(err)
	}
	began := time.Now()
	for ; ; time.Sleep(50 * time.Millisecond) {
		var err error
		if b.connection, err = amqp091.Dial(fmt.Sprintf("amqp://%s:%s@%s/", user.Username, user.Password, b.address)); err == nil {
			b.t.Logf("started in %v", time.Since(began))
			return
		}
		if time.Since(began) > 2*time.Minute {
			b.kill()
			b.t.Fatalf("RabbitMQ does not start: %v: %s", err, said.String())
		}
	}
}

// kill ends the server at once, as kill -9 does.
func (b *broker) kill() {
	if b.process != nil {
		end(b.process)
	}
}

func (b *broker) channel() *amqp091.Channel {
	b.t.Helper()
	c, err := b.connection.Channel()
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// exchange makes a topic exchange, and queue a queue on it.
func (b *broker) exchange(name string) {
	b.t.Helper()
	c := b.channel()
	defer c.Close()
	if err := c.ExchangeDeclare(name, "topic", true, false, false, false, nil); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) queue(name, exchange, pattern string, arguments amqp091.Table) {
	b.t.Helper()
	c := b.channel()
	defer c.Close()
	if _, err := c.QueueDeclare(name, true, false, false, false, arguments); err != nil {
		b.t.Fatal(err)
	}
	if err := c.QueueBind(name, pattern, exchange, false, nil); err != nil {
		b.t.Fatal(err)
	}
}

// take removes what a queue holds and returns it.
func (b *broker) take(queue string) []amqp091.Delivery {
	b.t.Helper()
	c := b.channel()
	defer c.Close()
	var out []amqp091.Delivery
	for {
		m, ok, err := c.Get(queue, true)
		if err != nil && !errors.Is(err, amqp091.ErrClosed) {
			b.t.Fatal(err)
		}
		if !ok {
			return out
		}
		out = append(out, m)
	}
}

func (b *broker) url(settings string) string {
	return "amqp://" + b.address + "?tls=false&exchange=slipway" + settings
}
