#!/usr/bin/env python3
"""moments.py COUNT SEED DIR COMMAND...: kills as many runs at moments that are spread over
a whole run and a little beyond, a few at a time. COMMAND holds "@", the folder to make.
Prints what each left: nothing, partial, sealed, or what may not be.
"""
import os, random, shutil, signal, subprocess, sys, threading, time

count, seed, place = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
command, check = sys.argv[4:], [os.environ["OXG"], "check"]
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
chance = random.Random(seed)
WORKERS = 3

def start(folder):
    return subprocess.Popen([folder if word == "@" else word for word in command], **quiet)

def passes(folder):
    return subprocess.call(check + [folder], **quiet) == 0

def left(folder):
    partial = folder + ".partial"
    if os.path.isdir(folder):
        if os.path.exists(partial):
            return "both"
        return "sealed" if passes(folder) else "a lie"
    if os.path.isdir(partial):
        return "a partial that passes" if passes(partial) else "partial"
    return "nothing"

def remove(folder):
    for path in (folder, folder + ".partial"):
        for at, dirs, _ in os.walk(path):
            os.chmod(at, 0o700)
        shutil.rmtree(path, ignore_errors=True)

def whole(folder):
    began = time.monotonic()
    start(folder).wait()
    took = time.monotonic() - began
    remove(folder)
    return took

# As it goes when others run beside it.
took = []
crowd = [threading.Thread(target=lambda n=n: took.append(whole("%s/whole-%d" % (place, n)))) for n in range(WORKERS)]
for t in crowd: t.start()
for t in crowd: t.join()
length = max(took)

moments = [length * 1.2 * (n + chance.random()) / count for n in range(count)]
chance.shuffle(moments)
seen, lock = {}, threading.Lock()

def work():
    while True:
        with lock:
            if not moments:
                return
            moment, n = moments.pop(), len(moments)
        folder = "%s/moment-%d" % (place, n)
        run = start(folder)
        time.sleep(moment)
        run.send_signal(signal.SIGKILL)
        run.wait()
        what = left(folder)
        with lock:
            seen[what] = seen.get(what, 0) + 1
        if what in ("nothing", "partial", "sealed"):
            remove(folder)

crowd = [threading.Thread(target=work) for _ in range(WORKERS)]
for t in crowd: t.start()
for t in crowd: t.join()
print("# seed %d, a run takes %.0f ms" % (seed, length * 1000))
for what in sorted(seen):
    print(what, seen[what])
