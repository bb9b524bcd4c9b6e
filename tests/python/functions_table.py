"""Measures the functions built by `sam build`: size, start, memory. Prints the table of docs/operations.md.

  target/tools/python/bin/python tests/python/functions_table.py FOLDER    (.aws-sam/build, or target/sam)

It starts each program on a runtime interface of its own, with settings that need no network. The time from the start to the
first request for an event is the program's initialisation, without reading secrets. Then the program gets events that it
refuses: the time of one is its warm overhead. Times are the median of five starts; memory is the maximum resident size.
"""

import http.server
import statistics
import subprocess
import sys
import threading
import time
import zipfile
from io import BytesIO
from pathlib import Path

STARTS = 5
EVENTS = 20
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "GITHUB_TOKEN": "token",
    "HOLDFAST_MARKER_KEY": "0123456789abcdef",
    "HOLDFAST_SEAL_KEY": "0123456789abcdef0123456789abcdef",
    "HOLDFAST_WEBHOOK_SECRET": "secret-of-the-table",
    "HOLDFAST_BUCKET": "bucket",
    "HOLDFAST_TABLE": "table",
    "HOLDFAST_PUBLIC_URL": "https://holdfast.example",
    "HOLDFAST_TOPIC_ARN": "arn:aws:sns:eu-central-1:000000000000:topic",
    "HOLDFAST_STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:000000000000:stateMachine:holdfast",
    "HOLDFAST_STATE_MACHINE_ALIAS": "live",
}


class Runtime(http.server.ThreadingHTTPServer):
    """Serves events that every function refuses, and records the times of the requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.ended = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append(time.monotonic())
        if len(self.server.requests) > EVENTS:
            # No more events: the program waits until it is killed.
            self.server.ended.wait()
            self.close_connection = True
            return
        self.answer(b'{"refused":true}', [
            ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000"),
            ("lambda-runtime-deadline-ms", "99999999999999"),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:function"),
        ])

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.answer(b"{}", [])

    def answer(self, body, headers):
        self.send_response(200)
        for name, value in headers + [("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def resident_kib(process):
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def start(program):
    """Returns the milliseconds to the first request and for an event, and the maximum MiB."""
    runtime = Runtime()
    settings = SETTINGS | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_port}"}
    began = time.monotonic()
    process = subprocess.Popen([program], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while len(runtime.requests) <= EVENTS:
            if process.poll() is not None or time.monotonic() - began > 30:
                sys.exit(f"{program} serves no events: check its settings in this script")
            time.sleep(0.005)
        warm = [later - sooner for sooner, later in zip(runtime.requests[1:], runtime.requests[2:])]
        return (runtime.requests[0] - began) * 1000, statistics.median(warm) * 1000, resident_kib(process) / 1024
    finally:
        process.kill()
        process.wait()
        runtime.ended.set()
        runtime.shutdown()


def zipped(program):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(program, "bootstrap")
    return packed.tell() / 1024 / 1024


def main(folder):
    programs = sorted(Path(folder).glob("*/bootstrap"))
    if not programs:
        sys.exit(f"{folder}: no functions; sam build makes them")
    print("| function | zip, MiB | init, ms | warm, ms | memory, MiB |\n| --- | ---: | ---: | ---: | ---: |")
    for program in programs:
        starts = [start(program) for _ in range(STARTS)]
        init, warm = (statistics.median(values) for values in list(zip(*starts))[:2])
        memory = max(values[2] for values in starts)
        name = program.parent.name.removesuffix("Function")
        print(f"| {name} | {zipped(program):.1f} | {init:.0f} | {warm:.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main(*(sys.argv[1:] or [".aws-sam/build"]))
