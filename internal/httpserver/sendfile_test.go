package httpserver_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"slipway/formats/formatstest"
)

// spy records what reaches the TCP connection.
type spy struct {
	net.Listener
	mu      sync.Mutex
	written int64 // by Write
	sent    int64 // by ReadFrom out of files
	other   int   // calls of ReadFrom with anything but an *io.LimitedReader over an *os.File
}

type spyConn struct {
	*net.TCPConn
	spy *spy
}

func (s *spy) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &spyConn{c.(*net.TCPConn), s}, nil
}

func (c *spyConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.spy.mu.Lock()
	defer c.spy.mu.Unlock()
	c.spy.written += int64(n)
	return n, err
}

func (c *spyConn) ReadFrom(r io.Reader) (int64, error) {
	part, ok := r.(*io.LimitedReader)
	if ok {
		_, ok = part.R.(*os.File)
	}
	n, err := c.TCPConn.ReadFrom(r)
	c.spy.mu.Lock()
	defer c.spy.mu.Unlock()
	if ok {
		c.spy.sent += n
	} else {
		c.spy.other++
	}
	return n, err
}

// settled waits until the wanted number of bytes was sent, or 10 s: the client may have the bytes before they are counted.
func (s *spy) settled(want int64) (sent, written int64, other int) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		sent, written, other = s.sent, s.written, s.other
		s.mu.Unlock()
		if sent >= want || time.Now().After(end) {
			return sent, written, other
		}
	}
}

const sendfileBytes = 9<<20 + 17

// TestSendfile proves that a stored file leaves through the kernel, whole and in part, through everything that stands
// between a handler and the connection; and, where strace is, that the system call is sendfile.
func TestSendfile(t *testing.T) {
	s := &spy{}
	srv := formatstest.NewServer(t, formatstest.Options{Local: true, AnonymousRead: true,
		Listener: func(l net.Listener) net.Listener { s.Listener = l; return s }}, newSite())
	content := bytes.Repeat([]byte("0123456789abcdefg"), sendfileBytes/17+1)[:sendfileBytes]
	if err := srv.Publish("big", "1", "file", string(content)); err != nil {
		t.Fatal(err)
	}
	const from, to = 1000, 1000 + 5<<20
	for _, c := range []struct {
		name string
		q    formatstest.Request
		want []byte
	}{
		{"whole", get("/t/file/big"), content},
		{"range", get("/t/file/big").With("Range", "bytes="+strconv.Itoa(from)+"-"+strconv.Itoa(to-1)), content[from:to]},
		{"tail", get("/t/file/big").With("Range", "bytes=-100000"), content[sendfileBytes-100000:]},
	} {
		s.mu.Lock()
		s.written, s.sent, s.other = 0, 0, 0
		s.mu.Unlock()
		res := srv.Do(formatstest.Anonymous, c.q)
		if !bytes.Equal(res.Body, c.want) {
			t.Fatalf("%s: %d, %d bytes that are not those stored", c.name, res.Status, len(res.Body))
		}
		if sent, written, other := s.settled(int64(len(c.want))); sent != int64(len(c.want)) || other != 0 || written > 2048 {
			t.Errorf("%s: %d of %d bytes went out of the file, %d were written, %d other calls", c.name, sent, len(c.want), written, other)
		}
	}
	if os.Getenv(straced) == "" {
		traceSendfile(t)
	}
}

// straced is set in the process that runs under strace.
const straced = "SLIPWAY_TEST_STRACED"

// traceSendfile runs TestSendfile under strace and adds up what sendfile and splice moved.
func traceSendfile(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil && os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
		t.Fatal("strace is not installed; run .ci/clients-base.sh")
	} else if err != nil {
		t.Skip("strace is not installed, so the system call itself was not looked at; run .ci/clients-base.sh")
	}
	out := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-q", "-e", "trace=sendfile,splice", "-o", out, os.Args[0], "-test.run=^TestSendfile$", "-test.count=1")
	cmd.Env = append(os.Environ(), straced+"=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("strace: %v\n%s", err, text)
	}
	trace, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, m := range regexp.MustCompile(`(?m)(?:sendfile|splice)(?:\(| resumed).* = (\d+)$`).FindAllSubmatch(trace, -1) {
		n, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total < sendfileBytes {
		t.Errorf("sendfile moved %d bytes of more than %d:\n%.2000s", total, sendfileBytes, trace)
	}
}
