package ctxgrace_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"slipway/internal/ctxgrace"
)

type key struct{}

func TestExtend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
		longer, done := ctxgrace.Extend(ctx, time.Minute)
		defer done()
		if longer.Value(key{}) != "kept" {
			t.Error("the values of the context are lost")
		}
		time.Sleep(time.Hour)
		cancel()
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		if err := longer.Err(); err != nil {
			t.Errorf("within the grace: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if longer.Err() != context.Canceled {
			t.Errorf("after the grace: %v", longer.Err())
		}
	})
}

func TestExtendDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		longer, done := ctxgrace.Extend(ctx, time.Minute)
		cancel()
		synctest.Wait()
		begin := time.Now()
		done()
		<-longer.Done()
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("ended after %v", waited)
		}
	})
}
