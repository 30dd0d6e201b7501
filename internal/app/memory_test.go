package app

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestContainerMemory(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"none", nil, math.MaxInt64},
		{"version 2, in a container", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "2147483648\n"}, 2 << 30},
		{"version 2, without a limit", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, math.MaxInt64},
		{
			"version 2, the least of those around it",
			map[string]string{
				"proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/memory.max": "1000000\n",
				"sys/fs/cgroup/a.slice/b.service/memory.max": "3000000\n",
			},
			1_000_000,
		},
		{
			"version 1, in a container that shows the machine's path",
			map[string]string{"proc/self/cgroup": "9:cpu:/\n4:memory:/docker/abc\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n"},
			512 << 20,
		},
		{
			"version 1, without a limit",
			map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
			math.MaxInt64,
		},
		{"what is no file of control groups", map[string]string{"proc/self/cgroup": "nonsense\n:\n0::../..\n"}, math.MaxInt64},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range tc.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := containerMemory(root); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
