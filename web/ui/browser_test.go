package ui_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/formats/all"
	"slipway/formats/formatstest"
)

// browserProgram is where Debian's browser is.
func browserProgram(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SLIPWAY_REQUIRE_CLIENTS") != "" {
			t.Fatalf("chromium is not installed (run .ci/clients-browser.sh): %v", err)
		}
		t.Skip("chromium is not installed; run .ci/clients-browser.sh")
	}
	return program
}

// browse opens a page in a real browser with a profile of its own and returns what the browser prints.
func browse(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr",
		"--force-device-scale-factor=1", "--user-data-dir=" + t.TempDir()}, args...)
	cmd := exec.CommandContext(ctx, browserProgram(t), args...)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	return string(out)
}

// TestPageInBrowser: a browser takes the style that the policy allows, and neither misses nor refuses anything, at the width
// of a telephone and of a desk, light and dark.
func TestPageInBrowser(t *testing.T) {
	s := newPage(t, formatstest.Options{AnonymousRead: true})
	for _, c := range []struct {
		width  int
		dark   bool
		ground color.RGBA
	}{
		{360, false, color.RGBA{0xf4, 0xf6, 0xf8, 0xff}}, {360, true, color.RGBA{0x0e, 0x14, 0x1a, 0xff}},
		{1440, false, color.RGBA{0xf4, 0xf6, 0xf8, 0xff}}, {1440, true, color.RGBA{0x0e, 0x14, 0x1a, 0xff}},
	} {
		path := filepath.Join(t.TempDir(), "page.png")
		args := []string{fmt.Sprintf("--window-size=%d,900", c.width), "--screenshot=" + path, s.URL + "/"}
		if c.dark {
			args = append([]string{"--blink-settings=preferredColorScheme=0"}, args...)
		}
		for line := range strings.Lines(browse(t, args...)) {
			if strings.Contains(line, "CONSOLE") || strings.Contains(line, "Refused") {
				t.Errorf("%d, dark %v: the browser complains: %s", c.width, c.dark, line)
			}
		}
		picture := decode(t, path)
		if got := color.RGBAModel.Convert(picture.At(4, 500)); picture.Bounds().Dx() != c.width || got != c.ground {
			t.Errorf("%d, dark %v: %v wide, the ground is %v, want %v", c.width, c.dark, picture.Bounds().Dx(), got, c.ground)
		}
	}
}

// TestFileProblemInBrowser: what a real browser sends when an address is opened is taken for a person's request.
func TestFileProblemInBrowser(t *testing.T) {
	s := newPage(t, formatstest.Options{AnonymousRead: true}, all.All()...)
	for _, path := range []string{"/npm/main/nothing", "/pypi/main/simple/nothing/", "/maven/main/com/acme/nothing/1.0/nothing-1.0.jar", "/v2/main/nothing/manifests/1.0", "/raw/main/nothing/1.0/nothing.txt"} {
		if shown := browse(t, "--dump-dom", s.URL+path); !strings.Contains(shown, "To the front page") || !strings.Contains(shown, "<footer") {
			t.Errorf("%s: %s", path, shown)
		}
	}
}

// TestListsInBrowser: the pages beside the front page keep away from the bar above them, and begin below its name.
func TestListsInBrowser(t *testing.T) {
	s := newPage(t, formatstest.Options{AnonymousRead: true})
	for _, width := range []int{360, 1440} {
		for _, address := range []string{"/docs/", "/?repository=missing"} {
			path := filepath.Join(t.TempDir(), "page.png")
			browse(t, fmt.Sprintf("--window-size=%d,6000", width), "--screenshot="+path, s.URL+address) // high enough for the foot to be in the picture
			picture := decode(t, path)
			ground := color.RGBA{0xf4, 0xf6, 0xf8, 0xff}
			bar := 0 // its lower edge
			for picture.At(2, bar) != ground {
				bar++
			}
			left := func(from, to int) (x int) { // of what stands on the ground or the bar there
				for x = 2; x < width; x++ {
					for y := from; y < to; y++ {
						if picture.At(x, y) != picture.At(2, from) {
							return x
						}
					}
				}
				return x
			}
			if x := left(bar, bar+20); x != width {
				t.Errorf("%s at %d: something stands right below the bar, at %d", address, width, x)
			}
			if name, title := left(4, bar-4), left(bar+20, bar+100); max(name, title)-min(name, title) > 8 {
				t.Errorf("%s at %d: the title begins at %d, the name above it at %d", address, width, title, name)
			}
			y := picture.Bounds().Dy() - 1
			empty := func() (rows int) {
				for ; left(y, y+1) == width; y-- {
					rows++
				}
				return rows
			}
			empty() // below the foot
			for gap := 0; gap < 12; gap = empty() {
				y-- // its lines
			}
			if y < bar+20 {
				t.Fatalf("%s at %d: no foot", address, width)
			}
			foot := y
			for left(foot+1, foot+2) == width {
				foot++
			}
			if foot-y < 30 {
				t.Errorf("%s at %d: %d rows between the page and its foot, want 30", address, width, foot-y)
			}
		}
	}
}

func decode(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}
