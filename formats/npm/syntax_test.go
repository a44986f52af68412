package npm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// decoderObject is parseObject by encoding/json alone.
func decoderObject(t *testing.T, raw []byte) (object, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if start, err := d.Token(); !json.Valid(raw) || err != nil || start != json.Delim('{') {
		return nil, false
	}
	o := object{}
	at := map[string]int{}
	for d.More() {
		key, err := d.Token()
		must(t, err)
		var v json.RawMessage
		must(t, d.Decode(&v))
		v = compacted(t, v)
		if i, seen := at[key.(string)]; seen {
			o[i].value = v
			continue
		}
		at[key.(string)] = len(o)
		o = append(o, member{key.(string), v})
	}
	return o, true
}

// checkSyntax compares everything that is read here with encoding/json.
func checkSyntax(t *testing.T, raw []byte) {
	t.Helper()
	s := syntax{text: raw}
	end := s.space(s.value(s.space(0), maxNesting))
	if valid := end == len(raw); valid != json.Valid(raw) {
		t.Fatalf("%q: valid %v, encoding/json says %v", raw, valid, !valid)
	}
	want, ok := decoderObject(t, raw)
	got, err := parseObject(raw)
	if ok != (err == nil) || len(got) != len(want) {
		t.Fatalf("%q: %v %v, want %v", raw, got, err, want)
	}
	for i, m := range want {
		if got[i].key != m.key || !bytes.Equal(got[i].value, m.value) {
			t.Fatalf("%q: member %d is %q: %s, want %q: %s", raw, i, got[i].key, got[i].value, m.key, m.value)
		}
		var s string
		isText := m.value[0] == '"' && json.Unmarshal(m.value, &s) == nil
		if text, ok := unquoted(got[i].value); text != s || ok != isText {
			t.Fatalf("%s says %q %v, want %q %v", m.value, text, ok, s, isText)
		}
	}
}

var syntaxSamples = []string{
	``, ` `, `{}`, ` { } `, `{"a":1}`, `{"a" : [ 1 , 2 ] , "b":{ "c" : "d e" }}`, `{"a":1,"b":2,"a":3}`, `{"a":1,"\u0061":{ }}`, "\t\r\n{}\n",
	`[]`, `[1,]`, `[,1]`, `{,}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, `{}{}`, `{"a":1}x`, `{`, `[`, `"`, `{"a":1`, `{"a"`, `{"a":`,
	`0`, `-0`, `01`, `-`, `1.`, `.5`, `1.5`, `1e`, `1e+`, `1E-7`, `1.0e10`, `-1.25E+3`, `+1`, `1x`, `0x1`, `1e5.`, `--1`,
	`true`, `false`, `null`, `tru`, `truee`, `nul`, `falsy`, `True`,
	`"\u00e9\ud83d\ude00\ud800"`, `"\x"`, `"\u12g4"`, `"\u12"`, `"\"`, `"\\"`, `"\/\b\f\n\r\t\""`, "\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"\n\"", "\"\xff\"",
	"{\"\xff\":\"\xed\xa0\x80\"}", `{"ü😀":"ü😀"}`, "\uFEFF{}", `{"1234567":"12345678","123456789":"12345678901234567890\n"}`,
	"{\"a\u2028\":\"<\u2029>\"}", `{"a":[{"b":[{"c":[ ]}]}]}`, "{\"a\":1}\x00", "\v{}",
}

func TestSyntax(t *testing.T) {
	for _, s := range syntaxSamples {
		checkSyntax(t, []byte(s))
	}
	// Every special byte at every distance from the start of a string.
	for n := range 40 {
		for c := range 256 {
			checkSyntax(t, []byte(`{"a":"`+strings.Repeat("é", n/2)+strings.Repeat("x", n%2)+string([]byte{byte(c)})+`nu0041 tail of it"}`))
		}
	}
	for _, n := range []int{maxNesting - 1, maxNesting, maxNesting + 1} {
		checkSyntax(t, []byte(strings.Repeat("[", n)+strings.Repeat("]", n)))
		checkSyntax(t, []byte(strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)))
	}
}

// manyMembers is an object of n members with 3/4 n keys.
func manyMembers(n int) []byte {
	b := []byte(`{"key": [ ]`)
	for i := range n {
		b = fmt.Appendf(b, `,"key%d":"%d"`, i%(n/4*3), i)
	}
	return append(b, '}')
}

// TestManyMembers: an object of many members, some of them twice, is read in the time of one look at each.
func TestManyMembers(t *testing.T) {
	for _, n := range []int{fewMembers - 1, fewMembers, fewMembers + 1, 10 * fewMembers} {
		checkSyntax(t, manyMembers(n))
	}
	const many = 400_000
	start := time.Now()
	o, err := parseObject(manyMembers(many))
	must(t, err)
	if took := time.Since(start); len(o) != many/4*3+1 || took > 20*time.Second {
		t.Errorf("%d members after %v", len(o), took)
	}
}

func TestAppendQuoted(t *testing.T) {
	for _, s := range append(syntaxSamples, "<a href='&'>", "plain") {
		if got, want := string(appendQuoted(nil, s)), string(encoded(s)); got != want {
			t.Errorf("%q is %s, want %s", s, got, want)
		}
	}
}

// FuzzSyntax: JSON is what encoding/json takes for it, and means the same.
func FuzzSyntax(f *testing.F) {
	for _, s := range syntaxSamples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { checkSyntax(t, raw) })
}
