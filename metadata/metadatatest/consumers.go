package metadatatest

import (
	"time"

	"slipway/metadata"
)

func testConsumers(e *env) {
	put := func(c metadata.Consumer) metadata.Consumer {
		var out metadata.Consumer
		e.update(func(tx metadata.Tx) (err error) {
			out, err = tx.Consumers().PutConsumer(c)
			return err
		})
		return out
	}
	want := metadata.Consumer{OwnerID: "user:7", Name: "prod-web", TokenID: 3, Acked: -1, CreatedAt: e.now(), UpdatedAt: e.now()}
	equal(e, "made", put(metadata.Consumer{OwnerID: "user:7", Name: "prod-web", TokenID: 3, Acked: -1}), want)
	get := func(tx metadata.Tx) (metadata.Consumer, error) { return tx.Consumers().Consumer("user:7", "prod-web") }
	equal(e, "read", read(e, get), want)
	missing(e, "of another owner", func(tx metadata.Tx) (metadata.Consumer, error) { return tx.Consumers().Consumer("user:8", "prod-web") })

	e.clock.Add(time.Minute)
	want.TokenID, want.Acked, want.UpdatedAt = 0, 42, e.now()
	equal(e, "moved", put(metadata.Consumer{OwnerID: "user:7", Name: "prod-web", Acked: 42}), want)
	equal(e, "read again", read(e, get), want)

	other := put(metadata.Consumer{OwnerID: "user:8", Name: "prod-web", Acked: 3})
	first, last := put(metadata.Consumer{OwnerID: "user:7", Name: "a"}), put(metadata.Consumer{OwnerID: "user:7", Name: "z"})
	list := func(owner string, p metadata.Page) []metadata.Consumer {
		return read(e, func(tx metadata.Tx) ([]metadata.Consumer, error) { return tx.Consumers().Consumers(owner, p) })
	}
	equal(e, "all", list("user:7", metadata.Page{}), []metadata.Consumer{first, want, last})
	equal(e, "page", list("user:7", metadata.Page{After: "a", Limit: 1}), []metadata.Consumer{want})
	equal(e, "of nobody", list("user:9", metadata.Page{}), nil)

	e.update(func(tx metadata.Tx) error { return tx.Consumers().DeleteConsumer("user:7", "prod-web") })
	missing(e, "deleted", get)
	equal(e, "the other's", list("user:8", metadata.Page{}), []metadata.Consumer{other})
	e.fails(metadata.ErrNotExist, func(tx metadata.Tx) error { return tx.Consumers().DeleteConsumer("user:7", "prod-web") })
}
