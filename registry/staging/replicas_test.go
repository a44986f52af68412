package staging_test

import (
	"io"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry/content"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// slowly is a body whose bytes come seconds apart; each is called before the next one.
type slowly struct {
	c    *registrytest.Company
	left int
	each func()
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.c.Add(2 * time.Second)
	if s.left--; s.left < 4 { // the notes are made at reads
		s.each()
	}
	return copy(p, "x"), nil
}

// TestFileStillComingIn: while a file comes in at one process, its area does not look quiet to another.
func TestFileStillComingIn(t *testing.T) {
	c := registrytest.NewCompany()
	e := registrytest.New(t, c.Option)
	other := e.Replica()
	c.Join()
	key := staging.Key{Repository: "main", ID: "deploy"}
	stage(t, e, e.Admin, key, "a", "1")
	quiet := func() (d time.Duration) {
		registrytest.Must(t, e.Metadata.View(t.Context(), func(tx metadata.Tx) error {
			list, err := tx.Stagings().Stagings(metadata.StagingQuery{Open: true, Limit: 2})
			if err == nil && len(list) == 1 {
				d = tx.Now().Sub(list[0].UpdatedAt)
			}
			return err
		}))
		return d
	}
	c.Add(time.Minute)
	if quiet() < time.Minute {
		t.Fatal("the area does not become quiet, so the test shows nothing")
	}
	_, err := other.Staging.Add(e.Admin, key, staging.File{At: e.Name("a").At("1"), File: content.StageFile{Path: "slow"}}, &slowly{c, 6, func() {
		if d := quiet(); d > 5*time.Second {
			t.Errorf("the area is quiet for %s", d)
		}
	}})
	registrytest.Must(t, err)
}
