#!/usr/bin/env python3
"""measure.py COMMAND…: runs it as a whole process; prints one JSON line {wall, cpu, rss_mb, code, inner}.

cpu: user and system seconds of the process tree, those of processes that nobody waits for too (a JVM that Python started), as sampled.
rss_mb: peak of the sum over the tree, sampled every 50 ms, and at least the peak of the largest process. inner: the last line that the command prints, if it is a JSON object."""
import json, os, subprocess, sys, tempfile, threading, time

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
cpu_seconds = {}


def tree_bytes(root):
    """Resident bytes of the tree now; notes the CPU seconds of each of its processes."""
    children, ticks = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = open(f"/proc/{entry}/stat").read()
                fields = stat[stat.rindex(")") + 2:].split()
                children.setdefault(int(fields[1]), []).append(int(entry))
                ticks[int(entry)] = int(fields[11]) + int(fields[12])
            except OSError:
                pass
    total, stack = 0, [root]
    while stack:
        pid = stack.pop()
        stack += children.get(pid, [])
        cpu_seconds[pid] = ticks.get(pid, 0) / TICKS
        try:
            total += int(open(f"/proc/{pid}/statm").read().split()[1]) * PAGE
        except OSError:
            pass
    return total


out = tempfile.TemporaryFile("w+")
begin = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=out, stderr=sys.stderr)
peak, stop = [0], threading.Event()


def sample():
    while not stop.wait(0.05):
        peak[0] = max(peak[0], tree_bytes(process.pid))


sampler = threading.Thread(target=sample, daemon=True)
sampler.start()
_, status, usage = os.wait4(process.pid, 0)
wall = time.monotonic() - begin
stop.set()
sampler.join()
out.seek(0)
lines = out.read().strip().splitlines()
inner = None
if lines and lines[-1].startswith("{"):
    try:
        inner = json.loads(lines[-1])
    except ValueError:
        pass
print(json.dumps({
    "wall": round(wall, 3), "cpu": round(max(usage.ru_utime + usage.ru_stime, sum(cpu_seconds.values())), 3),
    "rss_mb": round(max(peak[0] / 2**20, usage.ru_maxrss / 1024), 1), "code": os.waitstatus_to_exitcode(status), "inner": inner,
}))
