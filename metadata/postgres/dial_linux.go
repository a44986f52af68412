package postgres

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// giveUp lets the kernel end a connection whose server acknowledges nothing any more.
func giveUp(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	if cerr := conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
