#!/usr/bin/env python3
"""measure.py COMMAND…: runs it as a whole process; prints one JSON line {wall, cpu, rss_mb, code, inner}.

cpu: user and system seconds of the process tree. rss_mb: peak of the sum over the tree, sampled every 50 ms, and at least the peak of the
largest process. inner: the last line that the command prints, if it is a JSON object."""
import json, os, subprocess, sys, tempfile, threading, time

PAGE = os.sysconf("SC_PAGE_SIZE")


def tree_bytes(root):
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = open(f"/proc/{entry}/stat").read()
                children.setdefault(int(stat[stat.rindex(")") + 2:].split()[1]), []).append(int(entry))
            except OSError:
                pass
    total, stack = 0, [root]
    while stack:
        pid = stack.pop()
        stack += children.get(pid, [])
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
    "wall": round(wall, 3), "cpu": round(usage.ru_utime + usage.ru_stime, 3),
    "rss_mb": round(max(peak[0] / 2**20, usage.ru_maxrss / 1024), 1), "code": os.waitstatus_to_exitcode(status), "inner": inner,
}))
