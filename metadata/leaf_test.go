package metadata

import (
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
)

// FuzzLeaf holds Leaf against encoding/json and a general canonicaliser.
func FuzzLeaf(f *testing.F) {
	for _, s := range []string{"", "pkg:npm/%40acme/web@1.4.2", "a\"b\\c/d", "<&>\u2028\u2029", "ü \U0001f600", "\xff\xc0\xaf\xed\xa0\x80", "\b\t\n\f\r\x00\x01\x1f\x7f"} {
		f.Add(s, "artifact.published", "user:7", []byte{0, 255}, int64(17), int64(1e15))
		f.Add("x", s, s, []byte(s), int64(0), int64(0))
	}
	f.Fuzz(func(t *testing.T, subject, typ, actor string, hash []byte, seq, micros int64) {
		seq &= 1<<53 - 1                  // what JSON numbers hold
		micros %= 250_000_000_000_000_000 // years of four digits
		at := time.UnixMicro(max(micros, -6e16)).In(time.FixedZone("", 3600))
		e := Entry{Seq: seq, ID: "evt_" + actor, Time: at, Type: typ, Subject: subject, Actor: Actor{Type: typ, ID: actor}, DataHash: hash}
		raw, err := json.Marshal(map[string]any{
			"v": 1, "seq": seq, "id": e.ID, "time": FormatTime(at), "type": typ, "subject": subject, "actor": e.Actor,
			"payload_sha256": hex.EncodeToString(hash),
		})
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Leaf(); string(got) != string(want) {
			t.Errorf("leaf\n%s\nwant\n%s", got, want)
		}
	})
}

func TestLeaf(t *testing.T) {
	e := Entry{Seq: 7, ID: "evt_1", Time: time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC), Type: "tag.set", Subject: "pkg:npm/a",
		Actor: Actor{Type: "user", ID: "user:1"}, Data: []byte(`{}`), Salt: []byte("salt"), DataHash: []byte{1, 2}}
	const want = `{"actor":{"id":"user:1","type":"user"},"id":"evt_1","payload_sha256":"0102","seq":7,"subject":"pkg:npm/a",` +
		`"time":"2026-03-04T05:06:07.000000Z","type":"tag.set","v":1}`
	if got := e.Leaf(); string(got) != want {
		t.Errorf("leaf %s, want %s", got, want)
	}
}
