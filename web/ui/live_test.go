package ui_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"slipway/formats/formatstest"
)

// await returns the text that a promise of a script on the page comes to.
func (c *chromium) await(script string) string {
	c.t.Helper()
	text, err := chromedp.Run(c.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	c.must(err)
	return text
}

// TestLiveLog: the log's page in a browser shows an entry when it happens, holds entries back while it is paused, and shows those then.
func TestLiveLog(t *testing.T) {
	s := newPage(t, formatstest.Options{})
	c := newChromium(t, s)
	c.window(1440, false, true)
	c.open("/log")
	const shown = `new Promise(done => {
  const look = () => { const live = document.querySelector(".live"); if (!live.hidden) done(live.textContent.trim()); else setTimeout(look, 20); };
  look();
})`
	if got := c.await(shown); got != "Pause New entries appear here." {
		t.Errorf("the page says %q", got)
	}
	appears := func(name string) string {
		return `new Promise(done => {
  const look = () => { const row = [...document.querySelectorAll("#entries tr")].find(row => row.textContent.includes("` + name + `")); if (row) done(row.querySelector("code").textContent); else setTimeout(look, 20); };
  look();
})`
	}
	s.send(http.MethodPost, "/api/v1/environments", `{"name":"while-open"}`, http.StatusCreated)
	if got := c.await(appears("while-open")); got != "environment.created" {
		t.Errorf("the new entry is %q", got)
	}
	c.evaluate(`document.querySelector(".live button").click(), ""`)
	s.send(http.MethodPost, "/api/v1/environments", `{"name":"while-paused"}`, http.StatusCreated)
	const held = `new Promise(done => {
  const says = document.querySelector(".live [role=status]");
  const look = () => { if (says.textContent === "1 held back") done(String(document.getElementById("entries").textContent.includes("while-paused"))); else setTimeout(look, 20); };
  look();
})`
	if got := c.await(held); got != "false" {
		t.Error("the entry is shown while the page is paused")
	}
	c.evaluate(`document.querySelector(".live button").click(), ""`)
	if got := c.await(appears("while-paused")); got != "environment.created" {
		t.Errorf("the entry that was held back is %q", got)
	}
}
