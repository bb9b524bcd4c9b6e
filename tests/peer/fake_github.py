"""The testkit's GitHub behind a proxy, which answers the few requests that the fake doesn't know, and reports writes."""

import http.client
import json
import subprocess
from urllib.parse import urlparse

from server import Handler, Server

SLUG = "octo/demo"
NUMBER = 12
# Headers that belong to one connection, or to a body of another length.
OWN = {"host", "connection", "accept-encoding", "content-length", "transfer-encoding", "date", "server"}
NO_THREADS = {"reviewThreads": {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": []}}


class Github:
    """A running fake with one pull request. `on_write(method, path)` is called when GitHub has stored a change."""

    def __init__(self, testkit, repository, base):
        command = [testkit, "github", "--repository", repository, "--base", "main", "--head", "change"]
        command += ["--slug", SLUG, "--pull-request", str(NUMBER)]
        self.fake = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        self.fake_url, _, tokens = (self.fake.stdout.readline().strip() for _ in range(3))
        _, self.user_token, self.installation_token = tokens.split()
        repo = f"/repos/{SLUG}"
        # What the fake doesn't know, with GitHub's answers for this pull request.
        self.missing = {
            ("GET", f"{repo}/languages"): {"Rust": 10000},
            ("GET", f"{repo}/branches/main"): {"name": "main", "commit": {"sha": base}, "protected": False},
            ("GET", f"{repo}/issues/{NUMBER}/labels"): [],
            ("PUT", f"{repo}/issues/{NUMBER}/labels"): [],
        }
        self.on_write, self.unknown = None, set()
        self.server = Server(self.handler())
        self.url = self.server.url
        self.pull_request = f"{self.url}/{SLUG}/pull/{NUMBER}"

    def stop(self):
        self.server.stop()
        self.fake.kill()
        self.fake.wait()

    def read(self, path):
        headers = {"authorization": f"Bearer {self.installation_token}", "user-agent": "peer"}
        status, _, data = self.forward("GET", f"/repos/{SLUG}/{path}?per_page=100", None, headers)
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        return json.loads(data)

    def pull_request_state(self):
        """Returns the comments' texts and the reviews' states."""
        comments = [comment["body"] for comment in self.read(f"issues/{NUMBER}/comments")]
        return comments, [review["state"] for review in self.read(f"pulls/{NUMBER}/reviews")]

    def forward(self, method, path, body, headers):
        connection = http.client.HTTPConnection(urlparse(self.fake_url).netloc)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), data

    def answer(self, method, path, body, headers):
        """Returns the fake's answer, or GitHub's where the fake has none."""
        known = urlparse(path).path
        as_json = [("content-type", "application/json")]
        if (method, known) in self.missing:
            return 200, as_json, json.dumps(self.missing[method, known]).encode()
        status, answered, data = self.forward(method, path, body, headers)
        if known == "/graphql" and b"reviewThreads(" in body and b"the fake answers another query" in data:
            return 200, as_json, json.dumps({"data": {"repository": {"pullRequest": NO_THREADS}}}).encode()
        if status in (400, 404):
            self.unknown.add(f"{status} {method} {known}")
        answered = [(name, value.replace(self.fake_url, self.url)) for name, value in answered if name.lower() not in OWN]
        return status, answered, data.replace(self.fake_url.encode(), self.url.encode())

    def handler(self):
        github = self

        class Proxy(Handler):
            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
                answer = github.answer(self.command, self.path, body or None, headers)
                if github.on_write and self.command != "GET":
                    github.on_write(self.command, urlparse(self.path).path)
                status, answered, data = answer
                self.send(status, data, answered)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = pass_on

        return Proxy
