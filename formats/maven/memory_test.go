package maven

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"slipway/registry/access"
)

// TestK4Bodies: the documents that are read whole are held in the server's memory before their bodies are read.
func TestK4Bodies(t *testing.T) {
	e := newEnv(t, Options{})
	token := e.Token("main", access.Publish)
	for _, path := range []string{"1.0/app-1.0.pom", "maven-metadata.xml"} {
		conn, err := net.Dial("tcp", e.Addr)
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprintf(conn, "PUT /maven/main/com/acme/app/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n",
			path, e.Addr, token)
		must(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n') // 100: the server begins to read
		held := e.held()
		if err != nil || line != "HTTP/1.1 100 Continue\r\n" || held < 1e6 {
			t.Errorf("%s: %q, %v, and %v bytes are held", path, line, err, held)
		}
		must(t, conn.Close())
		for e.held() > 0 { // until the server has noticed
			time.Sleep(time.Millisecond)
		}
	}
}

// held is how much memory requests hold.
func (e *env) held() float64 {
	e.t.Helper()
	all, err := e.Metrics.Gather()
	must(e.t, err)
	for _, m := range all {
		if m.GetName() == "slipway_memory_held_bytes" {
			return m.GetMetric()[0].GetGauge().GetValue()
		}
	}
	e.t.Fatal("no such metric")
	return 0
}
