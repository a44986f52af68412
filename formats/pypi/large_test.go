package pypi

import (
	"archive/zip"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
)

// TestLargeUpload: a wheel far larger than the memory that its upload takes, sent before the fields that say what it is.
func TestLargeUpload(t *testing.T) {
	const mostMemory = 40 << 20
	formatstest.UsualHeap(t)
	size := formatstest.Large(200 << 20)
	e := newEnv(t, formatstest.Options{Local: true})
	token := e.publisher()
	body, pipe := io.Pipe()
	form := multipart.NewWriter(pipe)
	go func() { _ = pipe.CloseWithError(writeLarge(form, size)) }() // never fails
	req, err := http.NewRequest(http.MethodPost, e.URL+"/pypi/main/", body)
	must(t, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.SetBasicAuth("__token__", token)

	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
			}
		}
	}()
	start := time.Now()
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	took := time.Since(start)
	answer, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	close(stop)
	most := <-peak
	if res.StatusCode != http.StatusOK || most > mostMemory {
		t.Errorf("%d %s; the test's process, server and source, took %d MiB", res.StatusCode, answer, most>>20)
	}
	t.Logf("%d MiB in %v, peak of heap and stacks %d MiB", size>>20, took.Round(time.Millisecond), most>>20)
	f := e.page("large").Files[0]
	if f.Size < size || f.CoreMetadata == nil {
		t.Errorf("%+v", f)
	}
	tail := e.want(http.StatusPartialContent, "", e.get(f.href(), "Range", "bytes=-1000"))
	if !strings.Contains(string(tail.Body), "large-1.0.dist-info/METADATA") {
		t.Error("the end of the file is not its table of contents")
	}
}

func writeLarge(form *multipart.Writer, size int64) error {
	part, err := form.CreateFormFile("content", "large-1.0-py3-none-any.whl")
	if err != nil {
		return err
	}
	z := zip.NewWriter(part)
	big, err := z.CreateHeader(&zip.FileHeader{Name: "large.bin", Method: zip.Store})
	if err != nil {
		return err
	}
	if _, err := io.Copy(big, io.LimitReader(rand.NewChaCha8([32]byte{3}), size)); err != nil {
		return err
	}
	for name, text := range map[string]string{"METADATA": "Name: large\nVersion: 1.0\n", "WHEEL": wheelFile, "RECORD": ""} {
		w, err := z.Create("large-1.0.dist-info/" + name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	for name, value := range map[string]string{":action": "file_upload", "name": "large", "version": "1.0"} {
		if err := form.WriteField(name, value); err != nil {
			return err
		}
	}
	return form.Close()
}
