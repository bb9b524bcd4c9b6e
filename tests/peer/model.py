"""A scripted model server with OpenAI's API: it answers each program in the form that its prompt asks for, with the same
finding, after the same time. It notes for each call which files the prompt contained, and whether the answer was taken."""

import json
import math
import re
import select
import socket
import threading
import time
from collections import Counter

from server import Handler, Server

# Each added line of a change contains such a word: file and line.
ADDED = re.compile(r"added_(\d{4})_(\d+)")


class Model:
    """A running server. It refuses calls in the first `outage_s` seconds from the first one: `refusal` is "named" (429 with
    Retry-After), "unnamed" (429 without) or "down" (no answer)."""

    def __init__(self, latency, refusal=None, outage_s=0):
        self.latency, self.refusal, self.outage_s = latency, refusal, outage_s
        self.calls, self.began, self.lock = [], None, threading.Lock()
        self.server = Server(self.handler())
        self.url, self.stop = self.server.url, self.server.stop

    def arrived(self, text):
        """Notes a call. Returns it, and the rest of the outage in seconds."""
        with self.lock:
            now = time.monotonic()
            self.began = self.began or now
            call = {"lines": set(ADDED.findall(text)), "bytes": len(text.encode()), "outcome": None}
            self.calls.append(call)
            return call, max(0, self.outage_s - (now - self.began)) if self.refusal else 0

    def counts(self, lines):
        """Returns the calls, the refused ones, those whose lines an earlier call has had, the files of which answered prompts
        contained every added line, and KB in prompts that weren't refused."""
        made = [call for call in self.calls if call["outcome"] != "refused"]
        shown = set().union(*(call["lines"] for call in made if call["outcome"] == "answered"))
        files = Counter(file for file, _ in shown)
        return {
            "calls": len(self.calls),
            "refused": len(self.calls) - len(made),
            "repeated": len(made) - len({frozenset(call["lines"]) for call in made}),
            "read": sum(count == lines for count in files.values()),
            "kb": sum(call["bytes"] for call in made) / 1000,
        }

    def answered(self):
        return sum(call["outcome"] == "answered" for call in self.calls)

    def open(self):
        return sum(call["outcome"] is None for call in self.calls)

    def handler(self):
        model = self

        class Provider(Handler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                text = "\n".join(text_of(message["content"]) for message in body["messages"])
                call, rest_s = model.arrived(text)
                if rest_s:
                    call["outcome"] = "refused"
                    self.refuse(rest_s)
                    return
                time.sleep(model.latency)
                if is_closed(self.connection):
                    call["outcome"], self.close_connection = "untaken", True
                    return
                call["outcome"] = "answered"
                self.answer(body, answer_to(text, call["lines"]), len(text) // 4)

            def refuse(self, rest_s):
                if model.refusal == "down":
                    self.close_connection = True
                    return
                named = [("retry-after", str(math.ceil(rest_s)))] if model.refusal == "named" else []
                error = {"message": "rate limit", "type": "requests", "code": "rate_limit_exceeded"}
                self.send(429, json.dumps({"error": error}).encode(), [("content-type", "application/json"), *named])

            def answer(self, body, text, tokens):
                usage = {"prompt_tokens": tokens, "completion_tokens": len(text) // 4}
                usage["total_tokens"] = sum(usage.values())
                whole = {"id": "scripted", "created": 0, "model": body["model"]}
                if not body.get("stream"):
                    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
                    self.say(200, json.dumps({**whole, "object": "chat.completion", "choices": [choice], "usage": usage}))
                    return
                part = {**whole, "object": "chat.completion.chunk"}
                delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
                end = {"index": 0, "delta": {}, "finish_reason": "stop"}
                parts = [{**part, "choices": [delta]}, {**part, "choices": [end]}, {**part, "choices": [], "usage": usage}]
                events = "".join(f"data: {json.dumps(each)}\n\n" for each in parts) + "data: [DONE]\n\n"
                self.say(200, events, "text/event-stream")

            def say(self, status, text, kind="application/json"):
                self.send(status, text.encode(), [("content-type", kind)])

        return Provider


def text_of(content):
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def is_closed(connection):
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def answer_to(text, lines):
    """One finding on the first added line of the first file, in answers to prompts that contain it."""
    is_shown = ("0000", "1") in lines
    if "PRReview" in text:
        issue = {"relevant_file": "src/file_0000.rs", "issue_header": "Scripted finding",
                 "issue_content": "This line was picked by the script.", "start_line": 2, "end_line": 2}
        # JSON is YAML.
        return json.dumps({"review": {"estimated_effort_to_review_[1-5]": 2, "relevant_tests": "No",
                                      "key_issues_to_review": [issue] if is_shown else [], "security_concerns": "No"}})
    quote = next((line for line in text.splitlines() if "added_0000_1 " in line and "+" in line), "")
    finding = {"path": "src/file_0000.rs", "side": "RIGHT", "line": 2, "severity": "medium", "category": "correctness",
               "title": "Scripted finding", "body": "This line was picked by the script.",
               "quote": quote.split("+", 1)[-1], "suggestion": None, "confidence": 0.9}
    return json.dumps({"summary": "Read.", "findings": [finding] if is_shown else []})
