package ui_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"slipway/registry/access"
)

// chromium is a browser with one window. What the pages complain about, and what they request from another host than the site, fails the test.
type chromium struct {
	t    *testing.T
	ctx  context.Context
	site string // whose requests are all that there may be
	axe  string // the source of axe-core, once a page was looked at with it

	mu       sync.Mutex
	troubles []string
	expected string // what a trouble has in it that is none; "": every one is
}

// newChromium starts a browser that shows a site to an administrator. It ends with the test.
func newChromium(t *testing.T, s *site, flags ...chromedp.ExecAllocatorOption) *chromium {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browserProgram(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(options, flags...)...)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 15*time.Minute) // a busy machine takes long for the pictures
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	c := &chromium{t: t, ctx: ctx, site: s.URL}
	c.must(chromedp.Listen(ctx, c.listen))
	token := s.Token("*", access.Admin)
	c.run(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		c.must(err)
		_, err = cdp.Call(ctx, target, log.Enable, cdp.Empty{})
		c.must(err)
		_, err = cdp.Call(ctx, target, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Authorization": "Bearer " + token}})
		return err
	})
	return c
}

func (c *chromium) listen(event any) {
	trouble := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, c.site) && !strings.HasPrefix(e.Request.URL, "data:") {
			trouble = "requests " + e.Request.URL
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != "verbose" { // else it is advice
			trouble = string(e.Entry.Level) + ": " + e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		trouble = e.ExceptionDetails.Text
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if trouble != "" && (c.expected == "" || !strings.Contains(trouble, c.expected)) {
		c.troubles = append(c.troubles, trouble)
	}
}

func (c *chromium) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// run talks to the browser; an error ends the test.
func (c *chromium) run(f func(context.Context, *chromedp.Target) error) {
	c.t.Helper()
	c.must(chromedp.Do(c.ctx, chromedp.Func(f)))
}

// do does things in the window; an error ends the test.
func (c *chromium) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	c.must(chromedp.Do(ctx, steps...))
}

// logIn logs the window in by the form: its cookie takes the place of the credentials.
func (c *chromium) logIn(user, password string) {
	c.t.Helper()
	c.anonymous()
	c.open("/login")
	c.do(chromedp.SendKeys("#user", user+kb.Tab+password+kb.Enter), chromedp.WaitReady("header .who"))
}

// evaluate returns the text that a script on the page gives.
func (c *chromium) evaluate(script string) string {
	c.t.Helper()
	text, err := chromedp.Run(c.ctx, chromedp.Evaluate[string](script))
	c.must(err)
	return text
}

// text is what an element shows.
func (c *chromium) text(selector string) string {
	c.t.Helper()
	text, err := chromedp.Run(c.ctx, chromedp.Text(selector))
	c.must(err)
	return text
}

// window sets the size of the window, the colour scheme, and whether scripts run.
func (c *chromium) window(width int64, dark, script bool) {
	c.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	c.do(chromedp.EmulateViewport(width, 900))
	c.run(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !script})
		c.must(err)
		_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

// open shows a page of the site, and reports what it complained about.
func (c *chromium) open(path string) {
	c.t.Helper()
	c.do(chromedp.Navigate(c.site+path), chromedp.WaitReady("footer"))
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, trouble := range c.troubles {
		c.t.Errorf("%s: %s", path, trouble)
	}
	c.troubles = nil
}

// screenshot writes what the page looks like, from its top to its end, to a file in the folder screens, which git ignores. It does so with
// SLIPWAY_TEST_SCREENS (make screens) alone: nobody looks at the pictures of other runs, and drawing them is most of their time.
func (c *chromium) screenshot(name string) {
	c.t.Helper()
	if os.Getenv("SLIPWAY_TEST_SCREENS") == "" {
		return
	}
	var picture []byte
	quality := int64(70)
	c.run(func(ctx context.Context, target *chromedp.Target) error {
		shot, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatJpeg, Quality: &quality, CaptureBeyondViewport: ptr(true), OptimizeForSpeed: ptr(true)})
		if err == nil {
			picture = shot.Data
		}
		return err
	})
	c.must(os.MkdirAll("screens", 0o755))
	c.must(os.WriteFile(filepath.Join("screens", name+".jpeg"), picture, 0o644)) //nolint:gosec // a picture
}
