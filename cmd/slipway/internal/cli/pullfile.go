package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"slipway/api"
	"slipway/api/client"
	"slipway/cmd/slipway/internal/command"
)

// transfer is the bar of bytes that are fetched. A nil one draws nothing.
type transfer struct {
	bar   *command.Progress
	total int64
	done  atomic.Int64
	begun time.Time
	fresh int64 // bytes that came over the network
}

func newTransfer(bar *command.Progress) *transfer { return &transfer{bar: bar, begun: time.Now()} }

// add counts bytes; fetched are those that came over the network.
func (t *transfer) add(n, fetched int64) {
	if t == nil {
		return
	}
	done := t.done.Add(n)
	t.fresh += fetched
	speed := float64(t.fresh) / max(time.Since(t.begun).Seconds(), 0.1)
	t.bar.Show(float64(done)/float64(max(t.total, 1)), fmt.Sprintf("%s of %s, %s/s", bytesText(done), bytesText(t.total), bytesText(int64(speed))))
}

func (t *transfer) end() {
	if t != nil {
		t.bar.End()
	}
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	const kilo = 1000
	value, unit := float64(n), 0
	for value >= kilo && unit < 4 {
		value, unit = value/kilo, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %cB", value, " kMGT"[unit])
}

// fetch writes one file: under a name of its own until every byte is there, verified and flushed. Bytes that an earlier run
// has left under that name are not fetched again; when they turn out to be wrong, the file is fetched from its start.
func (p *pulling) fetch(ctx context.Context, root *os.Root, file api.File) error {
	name := filepath.FromSlash(file.Path)
	if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	if there, err := hasContent(root, name, file); err != nil || there {
		p.bar.add(file.Size, 0)
		return err
	}
	part := name + "." + strings.TrimPrefix(file.Digest, "sha256:")[:shortDigest] + ".part"
	out, err := openPart(root, part)
	if err != nil {
		return err
	}
	defer out.Close()
	had, err := p.fill(ctx, out, file)
	if had > 0 && errors.Is(err, client.ErrDigest) {
		if err = out.Truncate(0); err == nil {
			_, err = p.fill(ctx, out, file)
		}
	}
	if err = errors.Join(err, out.Sync()); err != nil {
		return errors.Join(err, p.leave(root, out, file, err))
	}
	if err := root.Rename(out.Name(), name); err != nil {
		return errors.Join(err, root.Remove(out.Name()))
	}
	return removeParts(root, name)
}

// removeParts removes what earlier runs left of other contents of a file, unless another process still writes it.
func removeParts(root *os.Root, name string) error {
	dir, base := filepath.Split(name)
	entries, err := fs.ReadDir(root.FS(), filepath.ToSlash(filepath.Clean(dir)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".part"), base+".")
		if !ok || len(digits) != shortDigest || strings.Trim(digits, "0123456789abcdef") != "" || e.Name() == base {
			continue
		}
		f, err := root.Open(dir + e.Name())
		if err != nil {
			continue // it is gone already
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = root.Remove(dir + e.Name())
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// hasContent reports whether a file is there with the content that is asked for.
func hasContent(root *os.Root, name string, file api.File) (bool, error) {
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() != file.Size {
		return false, err // Rename says what is wrong with a directory
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return "sha256:"+hex.EncodeToString(sum.Sum(nil)) == file.Digest, err
}

// openPart opens the file that holds the bytes until all are there. Another process that fetches the same file has it; then
// this one gets a file of its own.
func openPart(root *os.Root, name string) (*partFile, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		if _, err := root.Stat(name); err == nil { // the former owner may have renamed it meanwhile
			return &partFile{f, name}, nil
		}
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	name = strings.TrimSuffix(name, ".part") + "." + rand.Text() + ".part"
	f, err = root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return &partFile{f, name}, err
}

// partFile is a file with its name below the root.
type partFile struct {
	*os.File
	name string
}

// Name is the name below the root.
func (f *partFile) Name() string { return f.name }

// partial is a file that is not whole yet.
type partial interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
}

// fill fetches what the file does not have yet, and returns how much it had. Nothing is as long as the stall time without a byte.
func (p *pulling) fill(ctx context.Context, out partial, file api.File) (had int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(p.stall, func() { cancel(fmt.Errorf("the server has sent nothing for %s", p.stall)) })
	defer timer.Stop()
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	content, from, err := p.c.ResumeFile(ctx, p.at, p.version, file, &local{out, timer, p.stall})
	if err != nil {
		return 0, err
	}
	defer content.Close()
	if err := out.Truncate(from); err != nil {
		return from, err
	}
	if _, err := out.Seek(from, io.SeekStart); err != nil {
		return from, err
	}
	p.bar.add(from, 0)
	_, err = io.Copy(out, &attended{body: content, timer: timer, stall: p.stall, bar: p.bar})
	return from, err
}

// leave keeps the part of a file for the next run, unless nothing or the wrong bytes came.
func (p *pulling) leave(root *os.Root, out *partFile, file api.File, cause error) error {
	info, err := out.Stat()
	if err != nil {
		return err
	}
	if info.Size() > 0 && info.Size() <= file.Size && !errors.Is(cause, client.ErrDigest) {
		return nil
	}
	return root.Remove(out.Name())
}

// attended is the body of an answer. timer runs while a read waits for bytes.
type attended struct {
	body  io.Reader
	timer *time.Timer
	stall time.Duration
	bar   *transfer
}

func (a *attended) Read(p []byte) (int, error) {
	a.timer.Reset(a.stall)
	defer a.timer.Stop()
	n, err := a.body.Read(p)
	a.bar.add(int64(n), int64(n))
	return n, err
}

// local reads the bytes that are there already. The server is asked afterwards, so the timer begins anew with each of them.
type local struct {
	file  io.Reader
	timer *time.Timer
	stall time.Duration
}

func (l *local) Read(p []byte) (int, error) {
	n, err := l.file.Read(p)
	l.timer.Reset(l.stall)
	return n, err
}
