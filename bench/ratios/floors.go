package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"slipway/bench/load"
	"slipway/internal/fsync"
)

// floorCommand runs this program as one of the floors.
const floorCommand = "floor"

// floor starts this program as a bare server.
func (b *bench) floor(ctx context.Context, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, "", func(address string) *exec.Cmd {
		return exec.Command(self, append([]string{floorCommand, "-listen", address}, args...)...)
	})
}

// lineToken is the variable with the token that a line adds to requests.
const lineToken = "SLIPWAY_BENCH_LINE_TOKEN"

// serveFloor answers every request with the bytes of a file and the header of a document, or serves a folder, or takes
// images, or appends bodies to a log, or passes requests on.
func serveFloor(args []string) error {
	fs := flag.NewFlagSet(floorCommand, flag.ExitOnError)
	listen := fs.String("listen", "", "address")
	bytes := fs.String("bytes", "", "file whose bytes are every answer")
	folder := fs.String("folder", "", "folder for http.FileServer")
	images := fs.String("images", "", "folder that pushed images are written into")
	log := fs.String("log", "", "file that bodies are appended to")
	to := fs.String("line", "", "server to which requests go, with the token of the environment")
	delay := fs.Duration("delay", 0, "how long each request on the line waits")
	rate := fs.Float64("rate", 0, "bytes per second of all answers on the line")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var h http.Handler
	switch {
	case *bytes != "":
		body, err := os.ReadFile(*bytes)
		if err != nil {
			return err
		}
		h = ready(body)
	case *folder != "":
		h = http.FileServer(http.Dir(*folder))
	case *images != "":
		h = &bareImages{dir: *images}
	case *log != "":
		f, err := os.Create(*log)
		if err != nil {
			return err
		}
		h = newBareLog(f)
	case *to != "":
		server, err := url.Parse(*to)
		if err != nil {
			return err
		}
		h = newLine(server, os.Getenv(lineToken), *delay, *rate)
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	return http.Serve(ln, h) //nolint:gosec // no timeouts: it is the floor
}

// ready writes ready bytes with the headers that a document needs.
func ready(body []byte) http.Handler {
	length := strconv.Itoa(len(body))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", length)
		h.Set("Etag", `"0123456789abcdef0123456789abcdef"`)
		w.WriteHeader(http.StatusOK)
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // the client may be gone
		}
	})
}

// bareImages stores a push durably and does nothing else: each blob is hashed while it is written, flushed, renamed, and
// its folder flushed; manifests too.
type bareImages struct {
	dir  string
	next atomic.Int64
}

func (b *bareImages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := http.StatusCreated
	switch {
	case r.Method == http.MethodPost:
		w.Header().Set("Location", r.URL.Path+strconv.FormatInt(b.next.Add(1), 10))
		status = http.StatusAccepted
	case r.Method == http.MethodPut:
		sum, err := durable(b.dir, r.Body, sha256.New())
		want := strings.TrimPrefix(r.URL.Query().Get("digest"), "sha256:")
		if err != nil || want != "" && want != sum {
			http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// bareLog makes bodies durable and does nothing else: each body is read and hashed; waiting bodies are appended to one file
// and flushed together.
type bareLog struct {
	file  *os.File
	queue chan *appended
}

type appended struct {
	body []byte
	done chan error
}

func newBareLog(f *os.File) *bareLog {
	b := &bareLog{file: f, queue: make(chan *appended, 256)}
	go b.loop()
	return b
}

func (b *bareLog) loop() {
	var buf []byte
	for first := range b.queue {
		batch := []*appended{first}
		for more := true; more; {
			select {
			case a := <-b.queue:
				batch = append(batch, a)
			default:
				more = false
			}
		}
		buf = buf[:0]
		for _, a := range batch {
			buf = append(buf, a.body...)
		}
		_, err := b.file.Write(buf)
		err = errors.Join(err, b.file.Sync())
		for _, a := range batch {
			a.done <- err
		}
	}
}

func (b *bareLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buf, _ := pieces.Get().(*[256 << 10]byte)
	defer pieces.Put(buf)
	n, err := io.ReadFull(r.Body, buf[:])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		sha256.Sum256(buf[:n])
		a := &appended{buf[:n], make(chan error)}
		b.queue <- a
		err = <-a.done
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

var pieces = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// durable writes r to a file named by its hash: flush, rename, flush of the folder.
func durable(dir string, r io.Reader, sum hash.Hash) (name string, err error) {
	f, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf, _ := pieces.Get().(*[256 << 10]byte)
	defer pieces.Put(buf)
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, sum)}, struct{ io.Reader }{r}, buf[:]); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	name = hex.EncodeToString(sum.Sum(nil))
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return "", err
	}
	return name, fsync.Dir(dir)
}

// nginx starts Debian's nginx over a folder. errSkipped: it is not installed.
func (b *bench) nginx(ctx context.Context, folder string) (*process, error) {
	bin, err := exec.LookPath("nginx")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, errSkipped
		}
	}
	prefix, err := os.MkdirTemp(b.dir, "nginx-")
	if err != nil {
		return nil, err
	}
	return start(ctx, "", func(address string) *exec.Cmd {
		conf := filepath.Join(prefix, "nginx.conf")
		text := fmt.Sprintf(`daemon off; worker_processes 2; user root; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 256; }
http { access_log off; sendfile on; sendfile_max_chunk 2m; tcp_nopush on; keepalive_requests 1000000;
client_body_temp_path %[1]s/1; proxy_temp_path %[1]s/2; fastcgi_temp_path %[1]s/3; uwsgi_temp_path %[1]s/4; scgi_temp_path %[1]s/5;
server { listen %[2]s; root %[3]s; } }
`, prefix, address, folder)
		_ = os.WriteFile(conf, []byte(text), 0o600) // nginx says what is missing
		return exec.Command(bin, "-c", conf, "-p", prefix)
	})
}

// get is a unit that reads one path.
func get(path string) load.Unit {
	return load.Unit{Name: "get", Do: func(ctx context.Context, w *load.Worker) (int64, error) {
		a, err := w.Do(ctx, load.Request{Method: http.MethodGet, Path: path})
		return a.Bytes, err
	}}
}
