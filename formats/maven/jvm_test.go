package maven

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// jvmOptions are those of a JVM that lives for seconds.
const jvmOptions = "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"

// jvm is a process that runs Maven's command line again and again (testdata/Mvn.java): of a short run, most is the start of the JVM.
// It ends with its standard input, so with the process of the tests at the latest.
type jvm struct {
	mu     sync.Mutex
	cancel context.CancelFunc
	in     io.WriteCloser
	out    *bufio.Reader
	err    error // why it can't be used any more

	broken atomic.Bool // err is not nil; for callers that do not wait for the end of a run
}

// installedJVM is the one of the machine's own Maven, which tests share.
var installedJVM = struct {
	sync.Mutex
	*jvm
}{}

// jvmOf returns a process with a version of Maven; "" is the machine's own, whose process outlives the test.
func jvmOf(t testing.TB, version string) *jvm {
	t.Helper()
	if version != "" {
		j := startJVM(t, installed(t, "maven-"+version))
		t.Cleanup(j.stop)
		return j
	}
	installedJVM.Lock()
	defer installedJVM.Unlock()
	if installedJVM.jvm == nil || installedJVM.broken.Load() {
		out, err := exec.Command(mavenOf(t, ""), "-v", "-Dstyle.color=never").CombinedOutput()
		must(t, err)
		_, home, _ := strings.Cut(string(out), "Maven home: ")
		home, _, _ = strings.Cut(home, "\n")
		installedJVM.jvm = startJVM(t, home)
	}
	return installedJVM.jvm
}

// startJVM starts a process with the Maven in a directory.
func startJVM(t testing.TB, home string) *jvm {
	t.Helper()
	launcher, err := filepath.Glob(filepath.Join(home, "boot", "plexus-classworlds-*.jar"))
	must(t, err)
	if len(launcher) != 1 {
		t.Fatalf("the launcher of the Maven in %s: %v", home, launcher)
	}
	source, err := filepath.Abs(filepath.Join("testdata", "Mvn.java"))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "java", append(strings.Fields(jvmOptions), "-Dclassworlds.conf="+filepath.Join(home, "bin", "m2.conf"),
		"-Dmaven.home="+home, "-Dlibrary.jansi.path="+filepath.Join(home, "lib", "jansi-native"), "-cp", launcher[0], source)...)
	cmd.Dir = os.TempDir() // it is there longer than the directory of a test
	in, err := cmd.StdinPipe()
	must(t, err)
	r, w, err := os.Pipe()
	must(t, err)
	cmd.Stdout, cmd.Stderr = w, w
	must(t, cmd.Start())
	must(t, w.Close())
	go func() { _ = cmd.Wait(); cancel() }()
	return &jvm{cancel: cancel, in: in, out: bufio.NewReader(r)}
}

func (j *jvm) stop() { j.cancel() }

// run is one run of Maven: what it prints, and an error if it fails.
func (j *jvm) run(home, dir string, args []string) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return "", j.err
	}
	limit := time.AfterFunc(clientTimeout, j.cancel)
	defer limit.Stop()
	_, j.err = io.WriteString(j.in, strings.Join(append([]string{dir, home}, args...), "\n")+"\n\n")
	var out strings.Builder
	for j.err == nil {
		var line string
		line, j.err = j.out.ReadString('\n')
		if text, code, ended := strings.Cut(line, "\x00exit "); ended {
			out.WriteString(text)
			if code = strings.TrimSpace(code); code != "0" {
				return out.String(), errors.New("exit status " + code)
			}
			return out.String(), nil
		}
		out.WriteString(line)
	}
	j.broken.Store(true)
	return out.String(), fmt.Errorf("Maven's process: %w", j.err)
}
