package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"sync/atomic"

	"slipway/bench/load"
)

// Credentials of the S3 server, which ends with the run.
const (
	accessKey = "slipwaybenchaccess"
	secretKey = "slipwaybenchsecret0123456789"
)

// overS3: pushes to an S3 server on the same machine compared with pushes to its disk, and the requests that they cost.
func overS3(ctx context.Context, b *bench) error {
	if b.s3 == "" {
		return fmt.Errorf("%w: -s3 names no S3 server (.ci/s3/build.sh builds one)", errSkipped)
	}
	folder, err := os.MkdirTemp(b.dir, "s3-")
	if err != nil {
		return err
	}
	gateway, err := start(ctx, "", func(address string) *exec.Cmd {
		cmd := exec.Command(b.s3, "--port", address, "--quiet", "--keep-alive", "posix", folder)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
		return cmd
	})
	if err != nil {
		return err
	}
	defer gateway.stop()
	local, err := b.server(ctx, "", nil)
	if err != nil {
		return err
	}
	defer local.stop()
	bucket, err := b.onBucket(ctx, gateway.url)
	if err != nil {
		return err
	}
	defer bucket.stop()
	oci := image()
	docker := oci
	docker.Chunked = true
	for _, c := range []struct {
		name string
		push load.Unit
	}{
		{"s3: oci.push 3 × 1 MiB, 8 clients", load.Unit{Name: "oci.push", Do: oci.Push}},
		{"… as docker does", load.Unit{Name: "oci.push_chunked", Do: docker.Push}},
	} {
		if err := (contest{
			name: c.name, unit: "/s", wanted: 0.5,
			server: b.under("over S3", bucket, 8, c.push), floors: []side{b.under("own disk", local, 8, c.push)},
		}.run(ctx, b)); err != nil {
			return err
		}
	}
	return b.countRequests(ctx, gateway.url)
}

// onBucket starts Slipway over a bucket.
func (b *bench) onBucket(ctx context.Context, endpoint string) (*process, error) {
	env := []string{"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey}
	name := fmt.Sprintf("bench-%d", buckets.Add(1))
	return b.server(ctx, "", env, "--blobs", "s3://"+name+"/slipway?endpoint="+endpoint+"&region=us-east-1&path_style=true&create=true")
}

var buckets atomic.Int64

// countRequests pushes and reads through a proxy that counts.
func (b *bench) countRequests(ctx context.Context, gateway string) error {
	to, err := url.Parse(gateway)
	if err != nil {
		return err
	}
	var seen atomic.Int64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // the host is signed
	}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	counting := &http.Server{ReadHeaderTimeout: startTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = counting.Serve(ln) }() // runs until Close
	defer counting.Close()
	p, err := b.onBucket(ctx, "http://"+ln.Addr().String())
	if err != nil {
		return err
	}
	defer p.stop()
	oci := image()
	oci.Tags = 10
	docker := oci
	docker.Chunked = true
	if err := prepare(ctx, p, oci.Prepare); err != nil {
		return err
	}
	const units = 20
	for _, u := range []struct {
		name   string
		do     func(context.Context, *load.Worker) (int64, error)
		per    float64
		wanted string
	}{
		{"s3: requests for a blob", oci.Push, 4, "≤ 2"}, // three layers and a config
		{"… as docker pushes it", docker.Push, 4, "≤ 2"},
		{"s3: requests for a manifest read", oci.Manifest, 2, "0"},
	} {
		before := seen.Load()
		if _, err := p.load(ctx, load.Unit{Name: u.name, Do: u.do}, load.Options{Clients: 1, Units: units}); err != nil {
			return err
		}
		b.note(u.name, fmt.Sprintf("%.2f", float64(seen.Load()-before)/units/u.per), u.wanted)
	}
	return nil
}
