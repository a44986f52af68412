package commandtest

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"slipway/internal/balancer"
	"slipway/metadata/postgres/postgrestest"
	"slipway/storage/s3/s3test"
)

// cluster are servers over one PostgreSQL database and one bucket, behind the address of a Server. Its zero value is one server with
// a directory of its own. SLIPWAY_TEST_CLUSTER is the number of servers, for tests that don't say themselves where data lies.
type cluster struct{ addrs []string }

// prepare makes the cluster of a Server that has not run before.
func (c *cluster) prepare(s *Server) {
	n, _ := strconv.Atoi(os.Getenv("SLIPWAY_TEST_CLUSTER")) // unset is none
	if n == 0 || len(c.addrs) > 0 || slices.Contains(s.Args, "--metadata") || slices.Contains(s.Args, "--blobs") {
		return
	}
	url, env := s3test.New(s.T)
	database, key := postgrestest.Blank(s.T), filepath.Join(s.T.TempDir(), "log.key")
	s.Run(0, "key", "generate", key)
	s.Args = append(s.Args, "--metadata", database, "--blobs", url, "--log-key", key)
	s.Env = append(s.Env, env...)
	for range n { // at last, so that nothing else takes a port before its server does
		addr, err := s3test.FreeAddr()
		if err != nil {
			s.T.Fatal(err)
		}
		c.addrs = append(c.addrs, addr)
	}
	c.balance(s)
}

// balance passes each request to the next server.
func (c *cluster) balance(s *Server) {
	ln, err := net.Listen("tcp", s.Addr)
	if err != nil {
		s.T.Fatal(err)
	}
	proxy := &http.Server{Handler: balancer.New(c.addrs...)}
	go func() { _ = proxy.Serve(ln) }() // until the end of the test
	s.T.Cleanup(func() { _ = proxy.Close() })
}
