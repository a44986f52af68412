package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	lookEvery   = time.Second            // while somebody waits for news: a notification may be lost
	lookUnheard = 200 * time.Millisecond // the same, while no notifications come
)

// listener wakes those that wait for news when another process has committed some. It is a hint; they look at the database.
type listener struct {
	store   *Store
	channel string
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// channelOf names the channel of the processes that share a schema of a database.
func channelOf(schema string) string { return pgx.Identifier{"slipway_" + schema}.Sanitize() }

func listen(s *Store) *listener {
	ctx, stop := context.WithCancel(context.Background())
	l := &listener{store: s, channel: channelOf(s.target.schema), stop: stop}
	heard := make(chan bool)
	l.ended.Go(func() { l.hear(ctx, heard) })
	l.ended.Go(func() { l.look(ctx, heard) })
	return l
}

// hear waits for notifications, and tells whether they come.
func (l *listener) hear(ctx context.Context, heard chan<- bool) {
	tell := func(is bool) {
		select {
		case heard <- is:
		case <-ctx.Done():
		}
	}
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, mostPause) {
		if conn := l.connect(ctx); conn != nil {
			pause = firstPause
			tell(true)
			for _, err := conn.WaitForNotification(ctx); err == nil; _, err = conn.WaitForNotification(ctx) {
				l.store.news.Wake()
			}
			closing, cancel := context.WithTimeout(context.Background(), silence)
			_ = conn.Close(closing) // it only listened
			cancel()
			tell(false)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// connect returns a connection to which notifications come; nil: not now.
func (l *listener) connect(ctx context.Context) *pgx.Conn {
	c, err := l.store.target.connection(false)
	if err != nil {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil
	}
	if _, err := conn.Exec(ctx, `LISTEN `+l.channel, pgx.QueryExecModeSimpleProtocol); err != nil {
		_ = conn.Close(ctx) // the error that counts is err
		return nil
	}
	return conn
}

// look looks for groups of other processes as long as somebody waits for news.
func (l *listener) look(ctx context.Context, heard <-chan bool) {
	every := lookUnheard
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case is := <-heard:
			if every = lookUnheard; is {
				every = lookEvery
			}
			l.store.news.Wake() // what came before was not heard
			continue
		case <-timer.C:
		}
		if before := l.store.Generation(); l.store.news.Awaited() && l.store.barrier.wait(ctx) == nil && l.store.Generation() != before {
			l.store.news.Wake()
		}
		timer.Reset(every)
	}
}

// close ends the listener.
func (l *listener) close() {
	l.stop()
	l.ended.Wait()
}
