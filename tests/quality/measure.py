"""Measures the rules: on a labelled set, and on real version pairs of packages, beside other tools. Writes docs/quality.md.

  cargo build --features holdfast-cli/all-languages
  python3 -m venv target/quality && target/quality/bin/pip install --requirement tests/quality/requirements.txt
  npm install --prefix target/quality-node eslint@9 eslint-plugin-security@3 @typescript-eslint/parser@8
  python3 tests/quality/measure.py [--program FILE] [--tools FOLDER] [--node FOLDER] [--work FOLDER]

The packages come from npm, PyPI and crates.io. The review needs no network and no model. Alarms that `judged.jsonl` doesn't
name are printed, and the command fails: each of them needs a person's judgement.
"""

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import unquote

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHOWN = ("critical", "high", "medium")


def run(*command, cwd=None, env=None, statuses=(0,)):
    """Returns the output of a program."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, capture_output=True, check=False)
    if done.returncode not in statuses:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def git(folder, *command):
    names = ["-c", "user.name=Quality", "-c", "user.email=quality@example.com"]
    return run("git", "-C", folder, *names, *command).decode().strip()


def lines_of_sarif(text):
    """Yields path, first line, last line and rule of each result that isn't only a note."""
    for each in json.loads(text or '{"runs": []}')["runs"]:
        levels = {
            rule["id"]: rule.get("defaultConfiguration", {}).get("level", "warning")
            for rule in each["tool"]["driver"].get("rules", [])
        }
        for result in each.get("results") or []:
            if result.get("level", levels.get(result.get("ruleId"), "warning")) in ("none", "note"):
                continue
            place = result["locations"][0]["physicalLocation"]
            region = place.get("region", {})
            first = region.get("startLine", 1)
            yield unquote(place["artifactLocation"]["uri"]).removeprefix("file://"), first, region.get("endLine", first), result.get("ruleId", "")


class Tools:
    """The other tools. Each method returns the results in a folder: path, first line, last line, rule."""

    def __init__(self, tools, node):
        self.bin, self.node = Path(tools).resolve() / "bin", Path(node).resolve()

    def all(self):
        return {
            "ruff (S, B, E7, F)": (self.ruff, ["Python"]),
            "bandit": (self.bandit, ["Python"]),
            "eslint, eslint-plugin-security": (self.eslint, ["JavaScript", "TypeScript"]),
            "zizmor": (self.zizmor, ["GitHub workflow"]),
            "gitleaks": (self.gitleaks, None),
            "detect-secrets": (self.detect_secrets, None),
        }

    def ruff(self, folder):
        command = ["check", "--isolated", "--select", "S,B,E7,F", "--output-format", "sarif", "--no-cache", "."]
        return lines_of_sarif(run(self.bin / "ruff", *command, cwd=folder, statuses=(0, 1)))

    def bandit(self, folder):
        text = run(self.bin / "bandit", "-q", "-r", "-f", "json", ".", cwd=folder, statuses=(0, 1))
        for found in json.loads(text)["results"]:
            yield found["filename"], found["line_number"], found["line_range"][-1], found["test_id"]

    def eslint(self, folder):
        text = run(
            self.node / "node_modules/.bin/eslint", "--no-config-lookup", "--no-error-on-unmatched-pattern", "--config", HERE / "eslint.config.mjs", "--format",
            "json", ".", cwd=folder, env={**os.environ, "QUALITY_NODE": str(self.node)}, statuses=(0, 1),
        )
        for file in json.loads(text):
            for found in file["messages"]:
                if found["ruleId"]:
                    yield file["filePath"], found["line"], found.get("endLine") or found["line"], found["ruleId"]

    def zizmor(self, folder):
        # 11 to 14: it found something. 3: no workflow is there.
        command = ["--offline", "--no-config", "--format", "sarif", "."]
        text = run(self.bin / "zizmor", *command, cwd=folder, statuses=(0, 3, 10, 11, 12, 13, 14))
        return lines_of_sarif(text)

    def gitleaks(self, folder):
        command = ["dir", "--no-banner", "--exit-code", "0", "--report-format", "sarif", "--report-path", "-", "."]
        return lines_of_sarif(run(self.bin / "gitleaks", *command, cwd=folder))

    def detect_secrets(self, folder):
        text = run(self.bin / "detect-secrets", "scan", "--all-files", "--no-verify", ".", cwd=folder)
        for path, found in json.loads(text)["results"].items():
            for one in found:
                yield path, one["line_number"], one["line_number"], one["type"]


def review(program, repository, work):
    """Returns the findings of the review of a repository's last commit."""
    command = ["review", repository, "--base", "HEAD~1", "--committed", "--format", "json", "--data", work / "data"]
    env = {**os.environ, "HOLDFAST_MODEL": "rules"}
    # 3: a file is larger than the limits of the rules.
    return json.loads(run(program, *command, env=env, statuses=(0, 1, 3)))["findings"]


def commit_all(repository, message):
    git(repository, "add", "--all", "--force")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)


def labelled(program, tools, work):
    """Returns the table of the labelled set."""
    labels = [json.loads(line) for line in (HERE / "labelled/labels.jsonl").read_text().splitlines()]
    repository = work / "labelled"
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet")
    commit_all(repository, "Nothing")
    shutil.copytree(HERE / "labelled", repository, dirs_exist_ok=True)
    (repository / "labels.jsonl").unlink()
    commit_all(repository, "Everything")
    found = [
        (finding["path"], finding["start_line"], finding["line"], finding["source"])
        for finding in review(program, repository, work)
        if finding["severity"] != "info"
    ]
    rows = ["| language | faults | found | recall | look-alikes | flagged |", "| --- | --- | --- | --- | --- | --- |"]
    scores = score(labels, found, repository)
    for language, (faults, hits, alike, flagged) in sorted(scores.items()):
        rows.append(f"| {language} | {faults} | {hits} | {hits / faults:.2f} | {alike} | {flagged} |")
    total = [sum(column) for column in zip(*scores.values(), strict=True)]
    rows.append(f"| **all** | {total[0]} | {total[1]} | **{total[1] / total[0]:.2f}** | {total[2]} | **{total[3]}** |")
    rows += ["", "| tool | languages | faults found | look-alikes flagged | Holdfast there |", "| --- | --- | --- | --- | --- |"]
    for name, (tool, languages) in tools.all().items():
        part = [label for label in labels if languages is None or label["language"] in languages]
        theirs = [sum(column) for column in zip(*score(part, list(tool(repository)), repository).values(), strict=True)]
        ours = [sum(column) for column in zip(*score(part, found, repository).values(), strict=True)]
        rows.append(
            f"| {name} | {', '.join(languages or ['all'])} | {theirs[1]} of {theirs[0]} | {theirs[3]} of {theirs[2]} "
            f"| {ours[1]} of {ours[0]}, {ours[3]} of {ours[2]} |"
        )
    return rows


def below(path, folder):
    """Returns a path relative to a folder."""
    return str(os.path.relpath(os.path.realpath(folder / path), os.path.realpath(folder)))


def score(labels, found, folder):
    """Returns faults, found ones, look-alikes and flagged ones by language."""
    by_path = collections.defaultdict(list)
    for path, first, last, _ in found:
        by_path[below(path, folder)].append((first, last))
    scores = collections.defaultdict(lambda: [0, 0, 0, 0])
    for label in labels:
        hit = any(first <= label["end"] and last >= label["line"] for first, last in by_path[label["file"]])
        at = 0 if label["kind"] == "fault" else 2
        scores[label["language"]][at] += 1
        scores[label["language"]][at + 1] += hit
    return scores


def download_source(name, version, folder):
    """Downloads the source archive of a version from PyPI. pip would run the package's own build to read its metadata."""
    request = urllib.request.Request(
        f"https://pypi.org/simple/{name.lower()}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    wanted = f"{name}-{version}.tar.gz".lower()
    url = next(file["url"] for file in files if file["filename"].lower() == wanted)
    with urllib.request.urlopen(url, timeout=300) as answer:
        (folder / wanted).write_bytes(answer.read())


def fetch(pair, version, folder):
    """Downloads one version of a package, and returns its unpacked folder."""
    folder.mkdir(parents=True)
    name = pair["name"]
    if pair["from"] == "crates.io":
        (folder / "src").mkdir()
        (folder / "src/lib.rs").write_text("")
        package = '[package]\nname = "pair"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n'
        (folder / "Cargo.toml").write_text(f'{package}{name} = {{ version = "={version}", default-features = false }}\n')
        run("cargo", "vendor", "--quiet", "vendored", cwd=folder)
        return folder / "vendored" / name
    if pair["from"] == "npm":
        run("npm", "pack", f"{name}@{version}", "--pack-destination", folder, cwd=folder)
    else:
        download_source(name, version, folder)
    packed = next(path for path in folder.iterdir() if path.is_file())
    out = folder / "unpacked"
    if packed.suffix in (".tgz", ".gz"):
        with tarfile.open(packed) as archive:
            archive.extractall(out, filter="data")
    else:
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(out)
    inside = list(out.iterdir())
    return inside[0] if len(inside) == 1 else out


def repository_of(pair, work):
    """Returns a repository with the old version and the new one as commits. One that exists is used again."""
    repository = work / "pairs" / pair["name"].replace("/", "-").replace("@", "")
    if (repository / ".git/complete").exists():
        return repository
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet")
    for version in (pair["old"], pair["new"]):
        shutil.rmtree(work / "fetched", ignore_errors=True)
        tree = fetch(pair, version, work / "fetched")
        for path in repository.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in tree.iterdir():
            if path.name != ".git":
                shutil.move(path, repository / path.name)
        commit_all(repository, version)
    (repository / ".git/complete").write_text("")
    return repository


def pairs(program, tools, work):
    """Returns the tables of the version pairs, and the alarms without a judgement."""
    judged = {}
    for line in (HERE / "judged.jsonl").read_text().splitlines():
        one = json.loads(line)
        judged[(one["package"], one["path"], one["line"], one["rule"])] = one
    rows = [
        "| package | from | to | languages | added lines | alarms | right | precision | ruff | bandit | eslint | zizmor | gitleaks | detect-secrets |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    every, unjudged, total = [], [], [0, 0, 0]
    for pair in json.loads((HERE / "pairs.json").read_text()):
        repository = repository_of(pair, work)
        added = added_lines(repository)
        alarms = [f for f in review(program, repository, work) if f["severity"] in SHOWN]
        right = 0
        for alarm in alarms:
            key = (pair["name"], alarm["path"], alarm["line"], alarm["source"].removeprefix("rule:"))
            one = judged.get(key)
            if one is None:
                unjudged.append({"package": key[0], "path": key[1], "line": key[2], "rule": key[3]})
                continue
            right += one["right"]
            every.append(one)
        lines = sum(map(len, added.values()))
        total = [total[0] + lines, total[1] + len(alarms), total[2] + right]
        counts = [str(on_added(tool, repository, added)) for tool, _ in tools.all().values()]
        share = f"{right / len(alarms):.2f}" if alarms else ""
        rows.append(
            f"| {pair['name']} | {pair['old']} | {pair['new']} | {', '.join(pair['languages'])} | {lines:,} | {len(alarms)} "
            f"| {right} | {share} | {' | '.join(counts)} |"
        )
    if total[1]:
        rows.append(f"| **all** | | | | {total[0]:,} | {total[1]} | {total[2]} | **{total[2] / total[1]:.2f}** | | | | | | |")
    rows += ["", "| package | place | rule | right | why |", "| --- | --- | --- | --- | --- |"]
    for one in every:
        why = one["why"].replace("|", "\\|")
        rows.append(
            f"| {one['package']} | `{one['path']}:{one['line']}` | `{one['rule']}` | {'yes' if one['right'] else 'no'} | {why} |"
        )
    return rows, unjudged


def added_lines(repository):
    """Returns the numbers of added lines by path."""
    added, path, number = collections.defaultdict(set), None, 0
    text = run("git", "-C", repository, "diff", "--unified=0", "--no-color", "HEAD~1", "HEAD").decode(errors="replace")
    for line in text.split("\n"):
        if line.startswith("+++ b/"):
            path = line[6:]
        elif line.startswith("@@"):
            number = int(line.split("+")[1].split(" ")[0].split(",")[0])
        elif line.startswith("+") and not line.startswith("+++"):
            added[path].add(number)
            number += 1
    return added


def on_added(tool, repository, added):
    """Returns the number of a tool's results on added lines."""
    count = 0
    for path, first, last, _ in tool(repository):
        path = below(path, repository)
        count += any(line in added.get(path, ()) for line in range(first, last + 1))
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target/debug/holdfast")
    parser.add_argument("--tools", type=Path, default=ROOT / "target/quality")
    parser.add_argument("--node", type=Path, default=ROOT / "target/quality-node")
    parser.add_argument("--work", type=Path, default=ROOT / "target/quality-work")
    arguments = parser.parse_args()
    work, program = arguments.work.resolve(), arguments.program.resolve()
    for old in ("labelled", "data"):
        shutil.rmtree(work / old, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    tools = Tools(arguments.tools, arguments.node)
    sections = {"labelled": labelled(program, tools, work)}
    sections["pairs"], unjudged = pairs(program, tools, work)
    page = ROOT / "docs/quality.md"
    text = page.read_text()
    for name, rows in sections.items():
        before, rest = text.split(f"<!-- {name} -->\n", 1)
        _, after = rest.split(f"<!-- /{name} -->", 1)
        text = f"{before}<!-- {name} -->\n" + "\n".join(rows) + f"\n<!-- /{name} -->{after}"
    page.write_text(text)
    for one in unjudged:
        print(json.dumps(one))
    if unjudged:
        raise SystemExit(f"{len(unjudged)} alarms have no judgement: add each to {HERE / 'judged.jsonl'} with right and why")


if __name__ == "__main__":
    main()
