package ui_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var updatePictures = flag.Bool("update-pictures", false, "write the pictures of the documentation")

const (
	picturesDir      = "../../docs/pictures"
	maxPictureBytes  = 100 << 10
	pictureWidth     = 1200
	companysAddress  = "https://packages.acme.example"
	qualityOfPicture = 78
)

// pictures are what the documentation shows: pages of the company, and what a person looks for on each.
var pictures = []struct {
	name, path string
	height     float64
	shows      []string
}{
	{"home", "/", 860, []string{"Running now", "production", "1.9.0", "drift", "ann set production to @acme/web 1.9.2", "release 35"}},
	{"package", "/r/web/npm/@acme/web", 860, []string{"The pages of the shop", "npm install @acme/web@1.9.2", "production", "staging", "latest"}},
	{"tags", "/r/web/npm/@acme/web/-/tags?tag=production", 860, []string{"1.9.1 loses orders, see INC-7", "by ann", "Roll back to it"}},
	{"version", "/r/web/npm/@acme/web/v/1.9.0", 860, []string{"git.acme.example", "woodpecker", "runs at install"}},
	{"environment", "/env/production", 1060, []string{"What runs", "drift", "back to 1.9.0, see INC-7", "What ran when"}},
	{"search", "/search?q=log4j-core", 560, []string{"org.apache.logging.log4j:log4j-core", "2.17.1"}},
}

// TestPictures: a release manager of the company sees on its pages what they are for. With -update-pictures it writes the pictures of docs/ui.md, which are
// small.
func TestPictures(t *testing.T) {
	if os.Getenv("SLIPWAY_TEST_LONG") == "" && !*updatePictures {
		t.Skip("making the company's data with its clients takes minutes: make pictures, or make test LONG=1")
	}
	c := newCompany(t)
	window := newChromium(t, c.site, chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("host-resolver-rules", "MAP packages.acme.example:443 "+c.proxied().Listener.Addr().String()))
	window.site = companysAddress
	window.logIn("ann", passwordOf("ann"))
	window.window(pictureWidth, false, true)
	text, err := os.ReadFile("../../docs/ui.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pictures {
		window.open(p.path)
		seen := window.text("main")
		for _, want := range p.shows {
			if !strings.Contains(seen, want) {
				t.Errorf("%s does not show %q: %s", p.path, want, seen)
			}
		}
		file := filepath.Join(picturesDir, p.name+".webp")
		if *updatePictures {
			window.picture(file, p.height)
		}
		if info, err := os.Stat(file); err != nil || info.Size() > maxPictureBytes {
			t.Errorf("the picture %s: %v, or it is too large", file, err)
		}
		if !strings.Contains(string(text), "](pictures/"+p.name+".webp)") {
			t.Errorf("docs/ui.md does not show %s", file)
		}
	}
	if files, err := filepath.Glob(picturesDir + "/*"); err != nil || len(files) != len(pictures) {
		t.Errorf("the pictures are %q, %v", files, err)
	}
}

// picture writes what the top of the page looks like.
func (c *chromium) picture(file string, height float64) {
	c.t.Helper()
	quality := int64(qualityOfPicture)
	c.run(func(ctx context.Context, target *chromedp.Target) error {
		shot, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality, CaptureBeyondViewport: ptr(true),
			Clip: &page.Viewport{Width: pictureWidth, Height: height, Scale: 1}})
		c.must(err)
		c.must(os.MkdirAll(filepath.Dir(file), 0o755))
		return os.WriteFile(file, shot.Data, 0o644) //nolint:gosec // a picture
	})
}
