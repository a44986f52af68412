//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

// hostileWheel is a small wheel whose core metadata inflates to 4 MB, beside a table of contents of its own weight.
func hostileWheel(t *testing.T) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name, content string) {
		w, err := z.Create(name)
		mustDo(t, err)
		_, err = io.WriteString(w, content)
		mustDo(t, err)
	}
	add("evil-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: evil\nVersion: 1\n\n"+strings.Repeat("a line of the description\n", 4<<20/26))
	add("evil-1.dist-info/WHEEL", "Wheel-Version: 1.0\n")
	add("evil-1.dist-info/RECORD", "")
	for i := range 2000 {
		add(fmt.Sprintf("evil/%d", i), "")
	}
	mustDo(t, z.Close())
	return b.Bytes()
}

// hostileJar is a jar of 2 MiB that is a table of contents alone: 45,000 entries.
func hostileJar() []byte {
	entry := make([]byte, 46+1)
	binary.LittleEndian.PutUint32(entry, 0x02014b50)
	binary.LittleEndian.PutUint16(entry[28:], 1)
	entry[46] = 'x'
	table := bytes.Repeat(entry, 45_000)
	end := make([]byte, 22)
	binary.LittleEndian.PutUint32(end, 0x06054b50)
	binary.LittleEndian.PutUint16(end[8:], 45_000)
	binary.LittleEndian.PutUint16(end[10:], 45_000)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(table))) //nolint:gosec // 2 MiB
	return append(table, end...)
}

// TestK4Archives: 100 wheels with much metadata, and 100 plugin jars that are read for their goals, at once stay under 400 MiB.
func TestK4Archives(t *testing.T) {
	p := commandtest.ServeProcess(t, []string{"SLIPWAY_ADMIN_PASSWORD=" + commandtest.Password}, "--data", t.TempDir()+"/data")
	send := func(method, path, contentType, publish string, body []byte) *http.Response {
		req, err := http.NewRequest(method, p.URL+path, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return &http.Response{}
		}
		req.Header.Set("Content-Type", contentType)
		if publish != "" {
			req.Header.Set("X-Slipway-Publish", publish)
		}
		req.SetBasicAuth("admin", commandtest.Password)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return &http.Response{}
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res
	}
	atOnce := func(what string, accepted int, do func(n int) *http.Response) {
		t.Helper()
		var wg sync.WaitGroup
		var mu sync.Mutex
		answers := map[int]int{}
		for n := range 100 {
			wg.Go(func() {
				res := do(n)
				mu.Lock()
				defer mu.Unlock()
				answers[res.StatusCode]++
				if res.StatusCode != accepted && res.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %s without Retry-After", what, res.Status)
				}
			})
		}
		wg.Wait()
		t.Logf("%s: answers %v, memory %d MiB", what, answers, mostMemory(t, p)>>20)
		if answers[accepted] == 0 || answers[accepted]+answers[http.StatusTooManyRequests]+answers[http.StatusServiceUnavailable] != 100 {
			t.Errorf("%s: answers %v", what, answers)
		}
		if n := mostMemory(t, p); n > 400<<20 {
			t.Errorf("%s took %d MiB", what, n>>20)
		}
	}
	send(http.MethodGet, "/api/v1/whoami", "", "", nil) // the password is verified once
	wheel := hostileWheel(t)
	atOnce("wheels", http.StatusOK, func(n int) *http.Response {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for name, value := range map[string]string{":action": "file_upload", "name": "evil", "version": "1"} {
			_ = w.WriteField(name, value)
		}
		part, _ := w.CreateFormFile("content", fmt.Sprintf("evil-1-%d-py3-none-any.whl", n+1))
		_, _ = part.Write(wheel)
		_ = w.Close()
		return send(http.MethodPost, "/pypi/main/", w.FormDataContentType(), "", b.Bytes())
	})
	jar := hostileJar()
	atOnce("staging jars", http.StatusCreated, func(n int) *http.Response {
		name := fmt.Sprintf("evil-%d", n)
		path := fmt.Sprintf("/maven/main/org/example/%s/1/%s-1", name, name)
		pom := fmt.Sprintf("<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>%s</artifactId><version>1</version><packaging>maven-plugin</packaging></project>", name)
		if res := send(http.MethodPut, path+".pom", "text/xml", name, []byte(pom)); res.StatusCode != http.StatusCreated {
			return res
		}
		return send(http.MethodPut, path+".jar", "application/octet-stream", name, jar)
	})
	atOnce("jars", http.StatusOK, func(n int) *http.Response {
		return send(http.MethodPost, fmt.Sprintf("/api/v1/publishes/evil-%d/commit?repository=main", n), "application/json", "", nil)
	})
}
