package maven

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"slipway/formats/formatstest"
)

// TestReasonThroughProxies: the sentence of a refusal is in the status line over HTTP/1.1 and 1.0: Maven before 3.9.11 and Gradle print nothing else, and
// nginx, which speaks 1.0 to the server behind it unless it is told otherwise, hands the line on.
func TestReasonThroughProxies(t *testing.T) {
	e := newEnv(t, Options{})
	e.deploy(formatstest.Admin, "1.0", "bytes")
	for _, version := range []string{"1.0", "1.1"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(e.URL, "http://"))
		must(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "PUT /maven/main/com/acme/lib/1.0/lib-1.0.jar HTTP/%s\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 5\r\n\r\nother", version, e.publisher())
		must(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		must(t, err)
		if !strings.HasPrefix(line, "HTTP/"+version+" 409 ") || !strings.Contains(line, "is already released with other content") {
			t.Errorf("HTTP/%s: %q", version, line)
		}
	}
}
