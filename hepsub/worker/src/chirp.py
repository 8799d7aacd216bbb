# One question to HTCondor's I/O proxy: get CONFIG REMOTE LOCAL | set CONFIG ATTRIBUTE EXPRESSION
import socket
import sys

verb, config, one, two = sys.argv[1:]


def quote(text: str) -> str:
    return "".join("\\" + c if c in "\\ \t\r\n" else c for c in text)


def ask(line: str) -> int:
    stream.write(line.encode("utf-8", "surrogateescape") + b"\n")
    stream.flush()
    answer = int(stream.readline())
    if answer < 0:
        sys.exit(1)
    return answer


with open(config) as file:
    host, port, cookie = file.read().split()[:3]
stream = socket.create_connection((host, int(port)), 10).makefile("rwb")
ask("cookie " + cookie)
if verb == "set":
    ask("set_job_attr_delayed " + quote(one) + " " + quote(two))
else:
    size = ask("getfile " + quote(one))
    body = stream.read(size)
    if len(body) != size:
        sys.exit(1)
    with open(two, "wb") as local:
        local.write(body)
