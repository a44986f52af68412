package maintain_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/deploy"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// TestFsckBeside: a check in many short views finds nothing wrong while others publish, move tags, delete and deploy, in front of and behind
// the place that it has reached. What is wrong all the while is found.
func TestFsckBeside(t *testing.T) {
	defer maintain.SetViewTime(0)()
	e := registrytest.New(t)
	const packages = 30
	for n := range packages {
		registrytest.Must(t, e.Publish(fmt.Sprint("app", n), "0"))
	}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for client := range 3 {
		clients.Go(func() {
			for n := 1; n <= 500; n++ { // with an end: checks of ever more versions would take ever longer
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
					change(t, e, fmt.Sprint("app", rand.IntN(packages/3)*3+client), n)
				}
			}
		})
	}
	for n, begun := 0, time.Now(); n < 12 || time.Since(begun) < 2*time.Second; n++ {
		e.MustFsck(t)
	}
	d, err := e.Catalog.VersionDetail(e.Admin, e.Name("app7").At("0"))
	registrytest.Must(t, err)
	registrytest.Must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error { return tx.Versions().SetDigest(d.Version.ID, digest.FromString("other")) }))
	sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(maintain.Finding) {})
	if err != nil || sum.Wrong != 1 {
		t.Errorf("%d findings, %v, want 1", sum.Wrong, err)
	}
	close(stop)
	clients.Wait()
}

// change makes one change to a package, of which nobody else changes anything.
func change(t *testing.T, e *registrytest.Env, pkg string, n int) {
	version, at := fmt.Sprint(n), e.Name(pkg)
	if err := e.Publish(pkg, version, "a", version, "b", "same"); err != nil {
		t.Error(err)
		return
	}
	var err error
	switch n % 6 {
	case 0:
		_, err = e.Publisher.SetTag(e.Admin, at, "stable", publish.TagChange{Version: version})
	case 1:
		_, _, err = e.Publisher.SetState(e.Admin, at.At(version), registry.Yanked, "test")
	case 2:
		err = e.Publisher.Delete(e.Admin, at.At(version), "test")
	case 3:
		_, _, err = e.Deploy.ReportDeployment(e.Admin, deploy.Report{Environment: "prod", Service: pkg, Repository: at.Repository, PURL: "pkg:generic/" + pkg + "@" + version,
			Status: deploy.DeploymentSucceeded})
	case 4:
		err = e.Publish("new-"+pkg+version, "1")
	}
	if err != nil {
		t.Errorf("change %d: %v", n, err)
	}
}
