package s3test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
)

// Ports of FreeAddr: below the range that the system gives to outgoing connections.
const firstPort, ports = 20_000, 12_000

var addresses atomic.Int64

// FreeAddr returns host and port for a server of a test that may be away for a while. The host is 127.0.0.1, as clients
// take the other loopback addresses for private ones, or want TLS there. The system gives the port to no connection that
// does not ask for it, and two test processes begin to ask at different ports.
func FreeAddr() (string, error) {
	start := int64(os.Getpid())*97 + addresses.Add(1)
	var failed error
	for i := range int64(100) {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+(start+i*7)%ports)
		l, err := net.Listen("tcp", addr)
		if err == nil {
			return addr, l.Close()
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}
