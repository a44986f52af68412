package postgres_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
)

// BenchmarkSync is what a request pays for knowing what other processes have acknowledged: by one client, and by 16 who share looks;
// without changes, and beside another process that writes all the time.
func BenchmarkSync(b *testing.B) {
	for _, clients := range []int{1, 16} {
		for _, busy := range []bool{false, true} {
			b.Run(fmt.Sprintf("clients=%d,busy=%t", clients, busy), func(b *testing.B) {
				url := postgrestest.URL(b)
				s, other := open(b, url, postgres.WithPeers(), postgres.WithName("a")), open(b, url, postgres.WithPeers(), postgres.WithName("b"))
				var done atomic.Bool
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for n := 0; busy && !done.Load(); n++ {
						if err := other.Update(b.Context(), note(fmt.Sprint(n))); err != nil {
							b.Error(err)
							return
						}
					}
				}()
				looks := s.Looks()
				b.SetParallelism(max(1, clients/2)) // of two processors
				b.ResetTimer()
				if clients == 1 {
					for b.Loop() {
						if err := s.Sync(b.Context()); err != nil {
							b.Fatal(err)
						}
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if err := s.Sync(b.Context()); err != nil {
								b.Error(err)
							}
						}
					})
				}
				b.StopTimer()
				b.ReportMetric(float64(s.Looks()-looks)/float64(b.N), "looks/op")
				done.Store(true)
				<-ended
			})
		}
	}
}
