package s3test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
)

// Ports of FreeAddr: below those that the system gives to connections.
const firstPort, ports = 20_000, 12_000

var addresses atomic.Int64

// FreeAddr returns host and port for a server of a test that may be away for a while. The host is 127.0.0.1, as clients take
// the other loopback addresses for private ones, or want TLS there. Nobody gets the port unless asking for it, and the tests of
// two processes begin to ask at different ones.
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
