package app

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryPart is the part of a container's memory, in percent, that Go may have: the
// rest is for what it does not count.
const memoryPart = 90

// LimitMemory sets Go's memory limit by what the container may have, so that a full
// heap is collected rather than killed. GOMEMLIMIT goes before it, and without a
// limit there is none.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := containerMemory(os.DirFS("/")); limit < math.MaxInt64 {
		debug.SetMemoryLimit(limit / 100 * memoryPart)
	}
}

// memoryLimit returns the limit in force in bytes, 0 if there is none.
func memoryLimit() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	return 0
}

// containerMemory returns how much memory this process's control groups allow it, of
// version 2 or 1: the least of its own and of those around it.
func containerMemory(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	groups, _ := fs.ReadFile(root, "proc/self/cgroup") // elsewhere there is none
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[0] == "0" && parts[1] == "":
			least = min(least, groupMemory(root, "sys/fs/cgroup", parts[2], "memory.max"))
		case strings.Contains(","+parts[1]+",", ",memory,"):
			least = min(least, groupMemory(root, "sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes"))
		}
	}
	return least
}

// groupMemory returns the least limit of a group and of all that it is in. Within a
// container, its own group is what is mounted, whatever the path says.
func groupMemory(root fs.FS, mount, group, file string) int64 {
	least := int64(math.MaxInt64)
	for dir := path.Join("/", group); ; dir = path.Dir(dir) {
		text, err := fs.ReadFile(root, path.Join(mount, dir, file))
		if limit, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && bad == nil && limit > 0 && limit < unlimited {
			least = min(least, limit)
		}
		if dir == "/" {
			return least
		}
	}
}

// unlimited is what version 1 shows for no limit, the largest number of pages; no
// machine has as much.
const unlimited = math.MaxInt64 / 4096 * 4096 / 2
