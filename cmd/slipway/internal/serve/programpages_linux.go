package serve

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// releaseProgram hands back those pages of the program's file that are mapped as they are in it: what runs again is mapped again, from the
// system's cache, in microseconds. Kernels map files in pieces of up to megabytes, so nearly all of the program counts as memory of the
// process after its start, of which an idle server runs little.
func releaseProgram() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	var from, to uintptr // the mapping that the lines are about; 0: it is not to be released
	for lines.Scan() {
		line := lines.Text()
		fields := strings.Fields(line)
		switch key := fields[0]; {
		case !strings.HasSuffix(key, ":"): // addresses, rights, offset, device, inode, path
			if _, err := fmt.Sscanf(key, "%x-%x", &from, &to); err != nil {
				return err
			}
			if len(fields) < 6 || fields[5] != program || strings.Contains(fields[1], "w") {
				from = 0
			}
		case (key == "Anonymous:" || key == "Swap:") && fields[1] != "0":
			from = 0 // pages of it were changed before it became read-only
		case key == "VmFlags:" && from != 0: // the last line of a mapping
			if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED); errno != 0 {
				return errno
			}
		}
	}
	return lines.Err()
}
