"""stream.py echo ADDRESS | stream.py send ADDRESS STOP: a stream of numbered datagrams to a container that sends each back, 200 a second, until the
file STOP is there. Prints "SENT LOST"; an answer may take two seconds."""
import pathlib
import select
import socket
import sys
import time

port, pace, patience = 5001, 0.005, 2.0
mode, address = sys.argv[1:3]
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
if mode == "echo":
    line.bind((address, port))
    while True:
        data, sender = line.recvfrom(64)
        line.sendto(data, sender)

stop, waiting, sent, following = pathlib.Path(sys.argv[3]), set(), 0, time.monotonic()
line.connect((address, port))
deadline = None
while deadline is None or (waiting and time.monotonic() < deadline):
    now = time.monotonic()
    if deadline is None and now >= following:
        if stop.exists():
            deadline = now + patience
            continue
        try:
            line.send(b"%d" % sent)
        except OSError:  # refused here counts as lost: no answer comes
            pass
        waiting.add(sent)
        sent, following = sent + 1, following + pace
    if select.select([line], [], [], max(0.0, min(pace, following - now)) if deadline is None else 0.1)[0]:
        try:
            waiting.discard(int(line.recv(64)))
        except OSError:
            pass
print(sent, len(waiting))
