"""Reviews the same pull requests with Holdfast and with pr-agent (https://pypi.org/project/pr-agent), on the same fake GitHub
and the same scripted model server. Prints the tables of docs/benchmarks.md.

  cargo build --release --bin holdfast --bin holdfast-testkit
  python3.12 -m venv target/peer
  target/peer/bin/pip install --requirement tests/peer/requirements.txt
  python3 tests/peer/compare.py [--programs FOLDER] [--peer FOLDER]

FOLDER is the one with `holdfast` and `holdfast-testkit` (target/release), and the virtual environment (target/peer). pr-agent
needs Python 3.12. Each program has its defaults; only addresses, keys and the model's name are set. No request leaves the
machine.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from fake_github import Github
from model import Model

ROOT = Path(__file__).resolve().parents[2]
# Seconds that the model takes for an answer.
LATENCY_S = 2
# Files of a change, and added lines of each.
CHANGES = [(1, 1), (20, 1), (100, 1), (100, 40)]
# The change of the second table.
FILES, LINES = 20, 1
OUTAGE_S = 20
# The patience of `holdfast review` with a provider that limits.
LONGEST_S = 1800


def git(repository, *arguments):
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
           for key, value in (("NAME", "Peer"), ("EMAIL", "peer@example.com"), ("DATE", "2024-01-01T00:00:00Z"))}
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}
    subprocess.run(["git", *arguments], cwd=repository, env=environment, check=True, capture_output=True)


def repository(folder, files, lines):
    """Returns a repository with the branches main and change, and main's commit. Each added line contains its file and number."""
    made = folder / "repository"
    (made / "src").mkdir(parents=True)
    git(made, "init", "--quiet", "--initial-branch=main")
    for branch in ("main", "change"):
        if branch == "change":
            git(made, "switch", "--quiet", "--create", "change")
        for file in range(files):
            old = ["    let x = x * 2;"]
            new = [f"    let added_{file:04}_{line} = x * {line} + {file};" for line in range(1, lines + 1)]
            body = new if branch == "change" else old
            text = "\n".join([f"pub fn function_{file}(x: u64) -> u64 {{", *body, "    x", "}", ""])
            (made / "src" / f"file_{file:04}.rs").write_text(text)
        git(made, "add", "--all")
        git(made, "commit", "--quiet", "--message", f"Functions of {branch}")
    base = subprocess.run(["git", "rev-parse", "main"], cwd=made, check=True, capture_output=True, text=True)
    return made, base.stdout.strip()


class Holdfast:
    name = "holdfast"
    # Number of answers before the kill in the middle: it makes a call for each file.
    middle = FILES // 2

    def __init__(self, folder, arguments, github, model):
        self.command = [arguments.programs / "holdfast", "review", github.pull_request, "--publish"]
        self.environment = {
            "HOLDFAST_DATA": folder / "data", "HOLDFAST_MODEL": "openai/scripted", "HOLDFAST_MODEL_URL": model.url,
            "HOLDFAST_GITHUB_URL": github.url, "GITHUB_TOKEN": github.user_token}

    @staticmethod
    def published(comments, reviews):
        """Returns the number of published reviews, and what else is on the pull request but one summary."""
        drafts = reviews.count("PENDING")
        rest = [f"{drafts} drafts"] if drafts else []
        return len(reviews) - drafts, rest + [quoted(body) for body in comments[1:]]


class PrAgent:
    name = "pr-agent"
    # It makes one call.
    middle = 0

    def __init__(self, folder, arguments, github, model):
        self.command = [arguments.peer / "bin/pr-agent", "--pr_url", github.pull_request, "review"]
        self.environment = {
            "CONFIG__MODEL": "openai/scripted", "CONFIG__FALLBACK_MODELS": '["openai/scripted-fallback"]',
            # It doesn't know the scripted model's limit. By default it uses 32,000 tokens of any larger one.
            "CONFIG__CUSTOM_MODEL_MAX_TOKENS": "128000",
            "OPENAI__KEY": "scripted", "OPENAI__API_BASE": f"{model.url}/v1",
            "GITHUB__BASE_URL": github.url, "GITHUB__USER_TOKEN": github.user_token,
            # The list of prices and the tokenizer are downloaded otherwise. The client library contains both.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "TIKTOKEN_CACHE_DIR": next((arguments.peer / "lib").glob("*/site-packages/litellm/litellm_core_utils/tokenizers"))}

    @staticmethod
    def published(comments, _reviews):
        """Returns the number of comments with a review, and the others."""
        rest = [quoted(body) for body in comments if "PR Reviewer Guide" not in body]
        return len(comments) - len(rest), rest


class PrAgentInParts(PrAgent):
    name = "pr-agent, `enable_large_pr_chunking`"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.environment["PR_REVIEWER__ENABLE_LARGE_PR_CHUNKING"] = "true"


def quoted(body):
    """Returns a comment's first line, without addresses."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", body.splitlines()[0])
    return f"“{re.sub('https?://[^ ]*', '…', text)}”"


class Scene:
    """One change, reviewed by one program."""

    def __init__(self, kind, arguments, files, lines, refusal=None):
        self.folder = Path(tempfile.mkdtemp(prefix="peer-"))
        self.github = Github(arguments.programs / "holdfast-testkit", *repository(self.folder, files, lines))
        self.model = Model(LATENCY_S, refusal, OUTAGE_S)
        self.program = kind(self.folder, arguments, self.github, self.model)
        self.began = time.monotonic()

    def seconds(self):
        """Returns the time until the first call, and from then on."""
        first = self.model.began or time.monotonic()
        return first - self.began, time.monotonic() - first

    def published(self):
        return self.program.published(*self.github.pull_request_state())

    def start(self):
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder, **self.program.environment}
        environment = {name: str(value) for name, value in environment.items()}
        command = [str(word) for word in self.program.command]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def end(self):
        """Waits for the program's end. Returns its exit status."""
        try:
            return self.process.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return f"none after {LONGEST_S} s"

    def kill_in_the_middle(self):
        """Kills it while calls are in flight, after half of the answers."""
        limit = time.monotonic() + LONGEST_S
        while self.model.answered() < self.program.middle or not self.model.open():
            if time.monotonic() > limit or self.process.poll() is not None:
                raise RuntimeError("it isn't killed: it makes no call")
            time.sleep(0.01)
        time.sleep(LATENCY_S / 2)
        self.process.kill()
        self.process.wait()

    def kill_when_published(self):
        """Kills it as soon as GitHub has received its review, before the answer arrives."""
        killed = threading.Event()

        def on_write(method, _path):
            if method == "POST" and not killed.is_set() and self.published()[0]:
                self.process.kill()
                killed.set()

        self.github.on_write = on_write
        self.start()
        if self.end() != -signal.SIGKILL:
            raise RuntimeError("it isn't killed: it publishes nothing")

    def close(self, arguments):
        self.model.stop()
        self.github.stop()
        if self.github.unknown:
            print(f"{self.program.name}: unknown to the fake: {sorted(self.github.unknown)}", file=sys.stderr)
        if arguments.keep:
            print(f"{self.program.name}: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder)


def sized(kind, arguments, files, lines):
    scene = Scene(kind, arguments, files, lines)
    scene.start()
    status = scene.end()
    (start, took), counts, (reviews, _) = scene.seconds(), scene.model.counts(lines), scene.published()
    scene.close(arguments)
    return f"| {files} × {lines} | {kind.name} | {start:.1f} | {took:.1f} | {counts['calls']} | {counts['kb']:.0f} | " \
           f"{counts['read']} of {files} | {status} | {reviews} |"


def troubled(kind, arguments, name):
    refusal = name if name in ("named", "unnamed", "down") else None
    scene = Scene(kind, arguments, FILES, LINES, refusal)
    if name == "published":
        scene.kill_when_published()
    else:
        scene.start()
        if name == "calls":
            scene.kill_in_the_middle()
    if not refusal:
        scene.start()
    status = scene.end()
    (_, took), counts, (reviews, rest) = scene.seconds(), scene.model.counts(LINES), scene.published()
    scene.close(arguments)
    return f"| {TROUBLES[name]} | {kind.name} | {took:.1f} | {counts['calls']} | {counts['refused']} | {counts['repeated']} | " \
           f"{counts['read']} of {FILES} | {status} | {reviews} | {', '.join(rest) or 'nothing'} |"


TROUBLES = {
    "named": f"the model server answers 429 with `Retry-After` for {OUTAGE_S} s",
    "unnamed": f"the model server answers 429 without `Retry-After` for {OUTAGE_S} s",
    "down": f"the model server closes connections for {OUTAGE_S} s",
    "calls": "killed while model calls are in flight, started again",
    "published": "killed when GitHub has received the review, started again",
}


def versions(arguments):
    holdfast = subprocess.run([arguments.programs / "holdfast", "--version"], capture_output=True, text=True).stdout.strip()
    probe = "import platform; from importlib.metadata import version; " \
            "print(*(f'{name} {version(name)},' for name in ('pr-agent', 'litellm', 'PyGithub')), 'Python', platform.python_version())"
    peer = subprocess.run([arguments.peer / "bin/python", "-c", probe], capture_output=True, text=True).stdout.strip()
    return f"{holdfast}; {peer}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, default=ROOT / "target/release")
    parser.add_argument("--peer", type=Path, default=ROOT / "target/peer")
    parser.add_argument("--keep", action="store_true", help="keep the logs, and print their folders")
    parser.add_argument("--only", choices=["sizes", *TROUBLES])
    arguments = parser.parse_args()
    arguments.programs, arguments.peer = arguments.programs.resolve(), arguments.peer.absolute()
    print(f"{versions(arguments)}\n")
    if arguments.only in (None, "sizes"):
        print("| files × added lines | program | start, s | seconds | model calls | KB in prompts | files read | exit status "
              "| reviews published |")
        print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        for files, lines in CHANGES:
            # Only a change beyond the limit of one call is reviewed in parts.
            for kind in (Holdfast, PrAgent) if lines == 1 else (Holdfast, PrAgent, PrAgentInParts):
                print(sized(kind, arguments, files, lines), flush=True)
        print()
    troubles = list(TROUBLES) if arguments.only is None else [name for name in TROUBLES if name == arguments.only]
    if troubles:
        print("| trouble | program | seconds | model calls | refused | made twice | files read | exit status "
              "| reviews published | left besides |")
        print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |", flush=True)
    for name in troubles:
        for kind in (Holdfast, PrAgent):
            print(troubled(kind, arguments, name), flush=True)


if __name__ == "__main__":
    main()
