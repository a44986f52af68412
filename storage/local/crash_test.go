package local_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/local"
)

const (
	crashDirEnv   = "SLIPWAY_TEST_CRASH_DIR"
	crashPacksEnv = "SLIPWAY_TEST_CRASH_PACKS"
)

// TestKill kills a process that stores blobs as fast as it can. Every blob that the process acknowledged is there and
// whole; any further blob that is there is whole too; nothing is left in tmp.
func TestKill(t *testing.T) {
	t.Run("files", func(t *testing.T) { testKill(t, "", local.WithoutPacks()) })
	t.Run("packs", func(t *testing.T) { testKill(t, "yes") })
}

func testKill(t *testing.T, packs string, opts ...local.Option) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	acked := map[digest.Digest]bool{}
	for round := range 3 {
		before := len(acked)
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s", crashDirEnv, dir), fmt.Sprintf("SLIPWAY_TEST_CRASH_SEED=%d", round),
			crashPacksEnv+"="+packs)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := sync.OnceFunc(func() {
			time.AfterFunc(time.Duration(100+40*round)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		})
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if d := digest.Digest(lines.Text()); d.Validate() == nil {
				acked[d] = true
				kill() // the process has begun, however slow the machine is
			}
		}
		_ = cmd.Wait()
		if len(acked) == before {
			t.Fatal("the process stored nothing")
		}

		s, err := local.New(dir, opts...)
		if err != nil {
			t.Fatal(err)
		}
		for d := range acked {
			if !whole(t, s, d) {
				t.Errorf("acknowledged, but %s is not there", d)
			}
		}
		for b, err := range s.List(t.Context(), "") {
			if err != nil || !whole(t, s, b.Digest) {
				t.Errorf("List has %s, which is not whole (%v)", b.Digest, err)
			}
		}
		for u, err := range s.ListUploads(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Discard(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}
		if packs == "" {
			mustBeClean(t, dir)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d blobs acknowledged", len(acked))
}

// whole reports whether the store has the bytes of a digest.
func whole(t *testing.T, s storage.Blobs, d digest.Digest) bool {
	t.Helper()
	r, err := s.Open(t.Context(), d, 0, -1)
	if err != nil {
		return false
	}
	defer r.Close()
	sum := d.Verifier()
	_, err = io.Copy(sum, r)
	return err == nil && sum.Verified()
}

// TestKilled is the process that TestKill kills.
func TestKilled(t *testing.T) {
	dir, seed := os.Getenv(crashDirEnv), os.Getenv("SLIPWAY_TEST_CRASH_SEED")
	if dir == "" {
		t.Skip("run by TestKill")
	}
	var opts []local.Option
	if os.Getenv(crashPacksEnv) == "" {
		opts = append(opts, local.WithoutPacks())
	}
	s, err := local.New(dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	store := func(worker string, put func(data []byte) (digest.Digest, error)) {
		for i := 0; ; i++ {
			data := bytes.Repeat(fmt.Appendf(nil, "%s %s %d ", seed, worker, i), 1+i*3_000%40_000)
			d, err := put(data)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			fmt.Println(d) // one write(2): lines do not mix
		}
	}
	for _, worker := range []string{"a", "b"} {
		go store(worker, func(data []byte) (digest.Digest, error) {
			b, err := s.Put(context.Background(), bytes.NewReader(data), -1)
			return b.Digest, err
		})
	}
	go store("d", func(data []byte) (digest.Digest, error) { return storeGrowing(s, data) })
	store("c", func(data []byte) (digest.Digest, error) { return storeUpload(s, data) })
}

func storeGrowing(s storage.Grower, data []byte) (digest.Digest, error) {
	d := digest.FromBytes(data)
	g, err := s.Grow(context.Background())
	if err != nil {
		return "", err
	}
	defer g.Close()
	for piece := range slices.Chunk(data, 50_000) {
		if _, err := g.Write(piece); err != nil {
			return "", err
		}
	}
	_, err = g.Commit(context.Background(), d)
	return d, err
}

func storeUpload(s storage.Uploads, data []byte) (digest.Digest, error) {
	ctx := context.Background()
	b := storage.Blob{Digest: digest.FromBytes(data), Size: int64(len(data))}
	upload := b.Digest.Encoded()[:40]
	err := s.Create(ctx, upload, nil)
	if err == nil {
		_, err = s.Append(ctx, upload, 0, io.LimitReader(strings.NewReader(string(data)), b.Size), -1, nil)
	}
	if err == nil {
		err = s.Finish(ctx, upload, b, nil)
	}
	return b.Digest, err
}
