package s3test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
)

var addresses atomic.Int64

// FreeAddr returns host and port for a server of a test that may be away for a while. Linux has all of 127.0.0.0/8, so the
// host is one of this server alone: on 127.0.0.1 somebody's connection may get the port meanwhile.
func FreeAddr() (string, error) {
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		const most = 254
		n := int64(os.Getpid())*64 + addresses.Add(1)
		host = fmt.Sprintf("127.%d.%d.%d", 1+n/most/most%most, 1+n/most%most, 1+n%most)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
