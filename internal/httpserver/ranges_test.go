package httpserver

import (
	"testing"
)

func TestUsableRange(t *testing.T) {
	for header, want := range map[string]bool{
		"bytes=0-0": true, "bytes=0-": true, "bytes=-1": true, "bytes=500-999": true, "bytes= 0-1 , 3-4": true, "bytes=0-1,,3-4": true,
		"bytes=999-": true, "bytes=5000-": true, "bytes=0-1,5000-": true, "bytes=0-1,-1": true, "bytes=-5000": true,
		"": false, "bytes": false, "bytes=": false, "bytes=a-b": false, "bytes=1-0": false, "bytes=--1": false, "items=0-1": false, "bytes=+1-2": false,
		"bytes=0-5,5-9": false, "bytes=0-,-1": false, "bytes=0-1,2-3,4-5,6-7,8-9,10-11,12-13,14-15": true,
		"bytes=0-1,2-3,4-5,6-7,8-9,10-11,12-13,14-15,16-17": false, "bytes=99999999999999999999-": false, "bytes=-0": false, "bytes=0-1,-0": false,
	} {
		if got := usableRange(header, 1000); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func FuzzUsableRange(f *testing.F) {
	f.Add("bytes=0-1,-5", int64(10))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		if usableRange(header, size) && len(header) < len("bytes=0-") {
			t.Fatalf("%q is usable", header)
		}
	})
}
