package formats_test

import (
	"strings"
	"testing"

	"slipway/formats"
)

func TestIsHTML(t *testing.T) {
	for _, page := range []string{
		"<html><body>log in", "<!DOCTYPE html>\n<html>", "\ufeff \r\n<HTML lang=en>", "<!-- portal --><!-- 2 -->\n<html>", "<head><title>x",
		`<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html xmlns="x">`, "<script>location='/login'</script>",
	} {
		if !formats.IsHTML([]byte(page)) {
			t.Errorf("%q is no page", page)
		}
	}
	for _, file := range []string{
		"", "<", "<html", `<?xml version="1.0"?><project>`, "<!-- licence --><project>", "<!-- " + strings.Repeat("x", 4096), "<htmlish>", "PK\x03\x04<html>", "{}", "<?<?<?",
		"<!DOCTYPE htmlx>", "text about <html>",
	} {
		if formats.IsHTML([]byte(file)) {
			t.Errorf("%q is a page", file)
		}
	}
}
