"""Runs functions without Docker: starts a package's `bootstrap` as a process, behind a small Runtime API."""

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor


class NativeRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    name = "native"

    def load(self, *_arguments, **_named):
        return NativeRuntimeExecutor


class RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        executor = self.server.executor
        if not self.path.endswith("/runtime/invocation/next"):
            self.reply(404)
            return
        executor.ready.set()
        invocation = executor.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        deadline_ms = int((time.time() + executor.timeout_s) * 1000)
        headers = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation["invoke-id"]),
            ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation["invoked-function-arn"]),
            ("Lambda-Runtime-Trace-Id", invocation.get("trace-id") or ""),
        ]
        self.reply(200, invocation["payload"].encode(), headers)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def do_POST(self):
        executor, body = self.server.executor, self.body()
        *_, request, last = self.path.split("/")
        if self.path.endswith("/init/error"):
            executor.init_error = body
            executor.ready.set()
        elif last in ("response", "error"):
            executor.results.put((request, last == "error", body))
        self.reply(202, b'{"status":"OK"}', [("Content-Type", "application/json")])


class NativeRuntimeExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id=id, function_version=function_version)
        self.invocations, self.results, self.ready = queue.Queue(), queue.Queue(), threading.Event()
        self.program = self.server = self.init_error = None
        self.timeout_s = function_version.config.timeout or 3
        self.log = Path(tempfile.gettempdir()) / f"function-{id}.log"

    def start(self, env_vars):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
        self.server.daemon_threads = True
        self.server.executor = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        folder = self.function_version.config.code.get_unzipped_code_location()
        environment = {"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir()}
        environment |= {name: str(value) for name, value in env_vars.items()}
        environment["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self.server.server_port}"
        bootstrap = Path(folder) / "bootstrap"
        bootstrap.chmod(0o755)
        with self.log.open("ab") as log:
            self.program = subprocess.Popen(
                [bootstrap], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        while not self.ready.wait(0.02):
            if self.program.poll() is not None:
                raise RuntimeError(f"the program ended with {self.program.returncode}: {self.get_logs()[-500:]}")

    def stop(self):
        self.invocations.put(None)
        if self.program and self.program.poll() is None:
            os.killpg(self.program.pid, signal.SIGKILL)
        if self.server:
            self.server.shutdown()

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    def invoke(self, payload):
        if self.init_error:
            return InvocationResult(payload["invoke-id"], self.init_error, is_error=True, logs=self.get_logs())
        request = payload["invoke-id"]
        self.invocations.put(payload)
        give_up = time.time() + self.timeout_s
        while True:
            has_ended = self.program.poll() is not None
            try:
                answered, is_error, body = self.results.get(timeout=0 if has_ended else 0.05)
                if answered == request:
                    return InvocationResult(request, body, is_error=is_error, logs="")
            except queue.Empty:
                if has_ended:
                    return self.failed(request, "Runtime.ExitError", f"exit status {self.program.returncode}")
                if time.time() > give_up:
                    os.killpg(self.program.pid, signal.SIGKILL)
                    return self.failed(request, "Sandbox.Timedout", f"timed out after {self.timeout_s} s")

    @staticmethod
    def failed(request, name, message):
        error = {"errorType": name, "errorMessage": f"RequestId: {request} Error: {message}"}
        return InvocationResult(request, json.dumps(error).encode(), is_error=True, logs="")

    def get_logs(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass
