package httpserver

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"slipway/registry"
)

func bodyOf(s string) *http.Request {
	return &http.Request{Body: io.NopCloser(iotest.OneByteReader(strings.NewReader(s)))}
}

func TestDecodeJSON(t *testing.T) {
	var v struct {
		Name string `json:"name"`
		N    int    `json:"n"`
	}
	if err := DecodeJSON(bodyOf(`{"name":"x","unknown":[{}]} `), 100, &v); err != nil || v.Name != "x" {
		t.Fatalf("%+v %v", v, err)
	}
	deep := strings.Repeat("[", MaxJSONDepth)
	if err := DecodeJSON(bodyOf(`{"unknown":`+deep[1:]+strings.Repeat("]", MaxJSONDepth-1)+`}`), 1000, &v); err != nil {
		t.Errorf("at the depth limit: %v", err)
	}
	for body, kind := range map[string]registry.Kind{
		"": registry.Invalid, " \n": registry.Invalid, "{": registry.Invalid, "{} {}": registry.Invalid, "{}x": registry.Invalid,
		`{"name":5}`: registry.Invalid, `"x"`: registry.Invalid, "{\"name\":\"\xff\"}": registry.Invalid,
		`{"name":"` + strings.Repeat("x", 1000) + `"}`: registry.TooLarge, `{"unknown":[` + deep: registry.Invalid,
		`{"n":1.5}`: registry.Invalid,
	} {
		if err := DecodeJSON(bodyOf(body), 500, &v); registry.KindOf(err) != kind {
			t.Errorf("%.40q: %v, want kind %d", body, err, kind)
		}
	}
	broken := &http.Request{Body: io.NopCloser(io.MultiReader(strings.NewReader("{"), iotest.ErrReader(errors.New("reset"))))}
	if err := DecodeJSON(broken, 500, &v); registry.KindOf(err) != registry.BadBody {
		t.Errorf("broken body: %v", err)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add(`{"a":"\"[["}`)
	f.Fuzz(func(t *testing.T, body string) {
		var v any
		if err := DecodeJSON(bodyOf(body), 1<<10, &v); err != nil && registry.KindOf(err) == registry.Internal {
			t.Fatal(err)
		}
	})
}
