package ui_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// anonymous takes the credentials from the browser.
func (c *chromium) anonymous() {
	c.t.Helper()
	c.run(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{}})
		return err
	})
}

// keys types, where the focus is.
func (c *chromium) keys(text string) {
	c.t.Helper()
	c.do(chromedp.KeyEvent(text))
}

// tabTo moves the focus by the tabulator until it is on an element.
func (c *chromium) tabTo(selector string) {
	c.t.Helper()
	for range 80 {
		if c.evaluate(fmt.Sprintf("String(document.activeElement.matches(%q))", selector)) == "true" {
			return
		}
		c.keys(kb.Tab)
	}
	c.t.Fatalf("the tabulator does not reach %s", selector)
}

// press moves the focus to an element, presses Enter there, and waits for the page that has another element.
func (c *chromium) press(selector, then string) {
	c.t.Helper()
	c.tabTo(selector)
	c.keys(kb.Enter)
	c.do(chromedp.WaitReady(then))
}

// TestByKeyboard: with the keyboard alone a visitor is led to the login and back, makes a token that works, and logs out; the way back then
// shows nothing. A page of another server on this machine, which is the same site for cookies, can't act with the session, and shows no page.
func TestByKeyboard(t *testing.T) {
	s := newPeople(t, formatstest.Options{}, all.All()...)
	c := newChromium(t, s)
	c.anonymous()
	c.open("/me/tokens")
	c.tabTo("#user")
	c.keys("ann" + kb.Tab + passwordOfAnn + kb.Enter)
	c.do(chromedp.WaitReady("#name"))
	if seen := c.evaluate("location.pathname + document.cookie"); seen != "/me/tokens" {
		t.Errorf("after the login: %q", seen)
	}
	c.tabTo("#name")
	c.keys("ci")
	c.tabTo(`input[value="publish"]`)
	c.keys(" ")
	c.press("main form.fields button", "#made")
	secret := strings.TrimSpace(c.text("#made ~ * code, #made ~ .copyable code"))
	put := formatstest.Request{Method: http.MethodPut, Path: "/raw/main/tool/1.0.0/tool", Body: []byte("one")}
	if res := s.Do(formatstest.As(secret), put); res.Status != http.StatusCreated {
		t.Errorf("the token %q: %v", secret, res)
	}
	c.press(`.tabs a[href$="/me"]`, "#rights")

	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<title>evil</title><iframe src="%[1]s/me"></iframe><form action="%[1]s/logout" method="post"><button autofocus>Win</button></form><footer></footer>`, s.URL)
	}))
	defer evil.Close()
	c.do(chromedp.Navigate(evil.URL), chromedp.WaitReady("footer"))
	if framed := c.evaluate("String(document.querySelector('iframe').contentDocument)"); framed != "null" {
		t.Errorf("a frame is open to the page around it: %s", framed)
	}
	c.press("button", "header.bar")
	if refused := c.text("main h1"); refused != "Forbidden" {
		t.Errorf("a form of another server: %q", refused)
	}
	c.mu.Lock()
	troubles := strings.Join(c.troubles, "\n")
	c.troubles = nil
	c.mu.Unlock()
	if !strings.Contains(troubles, "frame-ancestors") {
		t.Errorf("the frame is not refused: %s", troubles)
	}

	c.open("/me")
	c.press(`.bar form[action$="/logout"] button`, "a.login")
	c.do(chromedp.NavigateBack(), chromedp.WaitReady("#user"))
	if seen := c.text("body"); strings.Contains(seen, "ann") || strings.Contains(seen, "publish") {
		t.Errorf("the way back shows %q", seen)
	}
}

// TestSetUpByKeyboard: with the keyboard alone a visitor logs in, chooses a client, makes a token for it, and is told when its first publish came
// through.
func TestSetUpByKeyboard(t *testing.T) {
	s := newPeople(t, formatstest.Options{}, all.All()...)
	c := newChromium(t, s)
	c.anonymous()
	c.window(1440, false, true)
	c.open("/setup")
	c.press("aside a", "#user")
	c.tabTo("#user")
	c.keys("ann" + kb.Tab + passwordOfAnn + kb.Enter)
	c.do(chromedp.WaitReady("form.filter"))
	c.tabTo("select[name=client]")
	c.keys("curl")
	c.press("form.filter button", `option[value="curl"][selected]`)
	c.tabTo("#name")
	c.keys("laptop") // the tabulator selects the proposed name
	c.press("aside form button", "#made")
	secret := strings.TrimPrefix(strings.TrimSpace(c.evaluate(`document.querySelector("#made ~ * code").textContent`)), "export SLIPWAY_TOKEN=")
	put := formatstest.Request{Method: http.MethodPut, Path: "/raw/main/tool/1.0.0/tool", Body: []byte("one")}.With("User-Agent", "curl/8.5.0")
	if res := s.Do(formatstest.As(secret), put); res.Status != http.StatusCreated {
		t.Fatalf("the token %q: %v", secret, res)
	}
	if got := c.comes("It works"); !strings.Contains(got, "curl 8.5.0 published tool/1.0.0/tool with token laptop") {
		t.Errorf("the page says %q", got)
	}
}

// TestRollBackByKeyboard: with the keyboard alone a person goes from the front page to an environment and rolls a service back, with a reason.
func TestRollBackByKeyboard(t *testing.T) {
	s := shop(t)
	c := newChromium(t, s)
	c.window(1440, false, true)
	c.open("/")
	c.press(`main a[href$="/env/prod"]`, "#services")
	c.tabTo("details.confirm summary")
	c.keys(kb.Enter)
	c.tabTo("details.confirm input[name=reason]")
	c.keys("loses orders")
	c.press("details.confirm button", ".status-rolled_back")
	if got := c.text("#services ~ .scroll tbody"); !strings.Contains(got, "1.1.0") || !strings.Contains(got, "loses orders") {
		t.Errorf("after rolling back: %q", got)
	}
}
