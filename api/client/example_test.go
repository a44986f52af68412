package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"testing"

	"slipway/api"
	"slipway/api/client"
)

// Example lists the versions of a package, points a tag at the newest one, and reads its files.
func Example() {
	server, token, stop := exampleServer()
	defer stop()
	ctx := context.Background()

	c, err := client.New(server, client.Options{Token: token})
	if err != nil {
		log.Fatal(err)
	}
	pkg := client.Package{Repository: "main", Format: "raw", Name: "tool"}
	newest := ""
	for v, err := range c.Versions(ctx, pkg, client.VersionFilter{}) { // newest first, page by page
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.Version, v.State, v.Size)
		if newest == "" {
			newest = v.Version
		}
	}
	noSuchTag := int64(0)
	tag, err := c.SetTag(ctx, pkg, "production", api.TagChange{Version: newest, Reason: "release 12"}, &noSuchTag)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tag.Tag, "is", tag.Version, "in generation", tag.Generation)

	v, err := c.Version(ctx, pkg, tag.Version)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range v.Files {
		body, err := c.OpenFile(ctx, pkg, v.Version, f) // verified on the way
		if err != nil {
			log.Fatal(err)
		}
		content, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", f.Path, content)
	}

	_, err = c.SetTag(ctx, pkg, "production", api.TagChange{Version: "1.0"}, &noSuchTag)
	var problem *client.Error
	if errors.As(err, &problem) && problem.Status == http.StatusPreconditionFailed {
		fmt.Println("somebody was faster: it is", problem.Current.Version)
	}
	// Output:
	// 2.0 published 9
	// 1.1 published 3
	// 1.0 published 3
	// production is 2.0 in generation 1
	// bin/tool: three
	// read me?: text
	// somebody was faster: it is 2.0
}

// exampleServer is the server of served for an example, which has no testing.TB.
func exampleServer() (url, token string, stop func()) {
	t := &exampleTB{}
	s, _, token := served(t)
	return s.URL, token, t.end
}

// exampleTB is as much of a testing.TB as a server needs.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (t *exampleTB) Helper()                        {}
func (t *exampleTB) Failed() bool                   { return false }
func (t *exampleTB) Context() context.Context       { return context.Background() }
func (t *exampleTB) Cleanup(fn func())              { t.cleanups = append(t.cleanups, fn) }
func (t *exampleTB) Logf(format string, a ...any)   { log.Printf(format, a...) }
func (t *exampleTB) Errorf(format string, a ...any) { log.Panicf(format, a...) }
func (t *exampleTB) Fatalf(format string, a ...any) { log.Panicf(format, a...) }
func (t *exampleTB) Fatal(a ...any)                 { log.Panic(a...) }

func (t *exampleTB) TempDir() string {
	dir, err := os.MkdirTemp("", "slipway-example")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a leftover stays in the system's temporary directory
	return dir
}

// end runs the deferred functions, the last first.
func (t *exampleTB) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
