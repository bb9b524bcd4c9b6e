"""Reviews real repositories without a model. Prints the tables of docs/repositories.md.

  cargo build --release --bin holdfast
  python3 tests/repositories/table.py [--program FILE] [--folder FOLDER] [NAME…]

Two published versions of a package are two commits: the older one is `main`, the newer one the branch `update`. cargo, npm and
pip download them to FOLDER, where the repositories and the reviews (review.txt, review.json) remain. NAME limits the table to
these packages, and leaves out the second table.
"""

import argparse
import collections
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = 3
# A run that takes longer is not repeated.
LONG_S = 20
PACKAGES = [
    ("cargo", "tokio", "1.37.0", "1.38.0"),
    ("cargo", "ring", "0.17.7", "0.17.8"),
    ("cargo", "openssl-src", "300.2.1+3.2.0", "300.2.2+3.2.1"),
    ("npm", "webpack", "5.90.3", "5.91.0"),
    ("npm", "@reduxjs/toolkit", "2.2.1", "2.2.2"),
    ("npm", "bootstrap", "5.3.2", "5.3.3"),
    ("npm", "@wordpress/block-library", "9.0.0", "9.1.0"),
    ("npm", "@capacitor/android", "6.0.0", "6.1.0"),
    ("npm", "@capacitor/ios", "6.0.0", "6.1.0"),
    ("npm", "react-native", "0.75.3", "0.75.4"),
    ("npm", "exiftool-vendored.pl", "12.84.0", "12.85.0"),
    ("npm", "bats", "1.10.0", "1.11.0"),
    ("pip", "aiohttp", "3.9.3", "3.9.5"),
    ("pip", "ansible-core", "2.17.0", "2.17.1"),
]
# The repository of the second table is made of this package.
SMALL = ("npm", "bats", "1.10.0", "1.11.0")
LANGUAGES = {
    "Assembly": "s asm",
    "C": "c h",
    "C#": "cs",
    "C++": "cc cpp cxx hh hpp",
    "CSS": "css scss sass less",
    "Cython": "pyx pxd pxi",
    "Go": "go",
    "Gradle": "gradle",
    "HTML": "html htm j2",
    "Java": "java",
    "JavaScript": "js cjs mjs jsx",
    "JSON": "json",
    "Jupyter": "ipynb",
    "Kotlin": "kt kts",
    "Markdown": "md mdx",
    "Objective-C": "m mm",
    "Perl": "pl pm t",
    "PHP": "php",
    "PowerShell": "ps1 psm1",
    "Protocol Buffers": "proto",
    "Python": "py pyi",
    "reStructuredText": "rst",
    "Ruby": "rb podspec",
    "Rust": "rs",
    "Shell": "sh bash bats",
    "Swift": "swift",
    "TOML": "toml",
    "TypeScript": "ts tsx mts cts",
    "XML": "xml plist",
    "YAML": "yml yaml",
}
LANGUAGE_OF = {ending: name for name, endings in LANGUAGES.items() for ending in endings.split()}
# Only what the programs need: no settings of this machine's git or of holdfast.
ENVIRONMENT = {
    **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER")
       for key, value in (("NAME", "Table"), ("EMAIL", "table@example.com"), ("DATE", "2024-01-01T00:00:00Z"))},
}


def run(*command, cwd, env=None):
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True, errors="replace")
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} in {cwd} failed:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    return done.stdout


def git(repository, *arguments):
    return run("git", "-c", "protocol.file.allow=always", *arguments, cwd=repository, env=ENVIRONMENT)


# Packages


def content(folder, client, name, version):
    """Downloads a version of a package, and returns the folder with its files."""
    place = folder / "packages" / f"{name.replace('/', '-')}-{version}"
    files, cache = place / "files", place / "download"
    if files.exists():
        return files
    shutil.rmtree(place, ignore_errors=True)
    cache.mkdir(parents=True)
    if client == "cargo":
        (cache / "Cargo.toml").write_text(
            '[package]\nname = "download"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[lib]\npath = "lib.rs"\n'
            f'[dependencies]\n{name} = {{ version = "={version}", default-features = false }}\n')
        (cache / "lib.rs").touch()
        packages = json.loads(run("cargo", "metadata", "--format-version", "1", cwd=cache))["packages"]
        manifest = next(each["manifest_path"] for each in packages if each["name"] == name)
        shutil.copytree(Path(manifest).parent, files, symlinks=True)
        return files
    if client == "npm":
        run("npm", "pack", "--silent", f"{name}@{version}", cwd=cache)
    else:
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name, f"{name}=={version}", cwd=cache)
    archive = next(cache.iterdir())
    unpacked = place / "unpacked"
    unpacked.mkdir()
    run("tar", "-xf", archive, "--strip-components=1", "-C", unpacked, cwd=cache)
    unpacked.rename(files)
    return files


def commit(repository, files, message):
    """Replaces the work tree's files and commits them."""
    for entry in repository.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    shutil.copytree(files, repository, symlinks=True, dirs_exist_ok=True)
    # Published files are all part of the commit, whatever the package's .gitignore lists.
    # Files of both versions may have the same size and time: git would take them for unchanged.
    git(repository, "read-tree", "--empty")
    git(repository, "add", "--all", "--force")
    git(repository, "commit", "--quiet", "--message", message)


def create(repository):
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet", "--initial-branch", "main")


def repository_of(folder, package):
    client, name, older, newer = package
    repository = folder / "repositories" / name.replace("/", "-")
    versions = content(folder, client, name, older), content(folder, client, name, newer)
    create(repository)
    commit(repository, versions[0], f"{name} {older}")
    git(repository, "checkout", "--quiet", "-b", "update")
    commit(repository, versions[1], f"{name} {newer}")
    return repository


# Reviews


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Review:
    """The result of one command, with the shortest times of RUNS runs, each with an empty data directory."""

    def __init__(self, program, folder, place, arguments):
        reports = folder / "reviews" / place.name
        reports.mkdir(parents=True, exist_ok=True)
        self.seconds = self.processor = float("inf")
        for _ in range(RUNS):
            data = folder / "data"
            shutil.rmtree(data, ignore_errors=True)
            report = reports / "review.json"
            report.unlink(missing_ok=True)
            command = [program, "review", *arguments, "--quiet", "--data", data, "--output", f"json={report}"]
            began, used = time.monotonic(), processor_seconds()
            done = subprocess.run(command, cwd=place, env=ENVIRONMENT, capture_output=True)
            self.seconds = min(self.seconds, time.monotonic() - began)
            self.processor = min(self.processor, processor_seconds() - used)
            if self.seconds > LONG_S:
                break
        (reports / "review.txt").write_bytes(done.stdout)
        (reports / "stderr.txt").write_bytes(done.stderr)
        self.status = done.returncode
        self.error = done.stderr.decode(errors="replace").strip().replace(str(place), "PATH")
        self.report = json.loads(report.read_text()) if report.exists() else None

    def times(self):
        return f"{self.seconds:.1f}", f"{self.processor:.1f}"

    def outcomes(self):
        if self.report is None:
            return self.error.splitlines()[-1] if self.error else "nothing"
        files = self.report["coverage"]
        outcomes = collections.Counter(each["outcome"] for each in files)
        skipped = collections.Counter(each["reason"] for each in files if each["outcome"] == "skipped")
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common())
        words = {"scanned": "", "skipped": f" ({reasons})", "unreviewed": ""}
        return ", ".join(f"{outcomes[name]} {name}{more}" for name, more in words.items() if outcomes[name]) or "no file"

    def note(self):
        """Returns the note about the base, without the commit's name."""
        if self.report is None:
            return ""
        note = next((note for note in self.report["notes"] if note.startswith("reviewing")), "")
        return re.sub(r"\b[0-9a-f]{12}\b", "COMMIT", note.removeprefix("reviewing "))

    def findings(self):
        if self.report is None:
            return ""
        counts = collections.Counter(each["severity"] for each in self.report["findings"])
        return ", ".join(f"{counts[name]} {name}" for name in ("critical", "high", "medium", "low", "info") if counts[name]) or "none"


def languages(paths):
    """Returns the languages of the changed files, the most frequent first."""
    counts = collections.Counter(LANGUAGE_OF.get(path.rpartition(".")[2].lower()) for path in paths)
    del counts[None]
    return ", ".join(name for name, _ in counts.most_common(5))


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def packages_table(program, folder, chosen):
    row("package", "versions", "changed languages and formats", "git diff --shortstat", "status", "seconds", "processor", "files", "findings")
    row("---", "---", "---", "---", "---:", "---:", "---:", "---", "---")
    for package in chosen:
        client, name, older, newer = package
        repository = repository_of(folder, package)
        paths = git(repository, "diff", "--name-only", "-z", "main", "update").split("\0")[:-1]
        changed = git(repository, "diff", "--shortstat", "main", "update").strip().replace(" changed", "")
        review = Review(program, folder, repository, ["."])
        if review.report and {each["path"] for each in review.report["coverage"]} != set(paths):
            print(f"{name}: the review and git diff --name-only list different files", file=sys.stderr)
        row(f"{name} ({client})", f"{older}, {newer}", languages(paths), changed.replace("(+)", "").replace("(-)", ""),
            review.status, *review.times(), review.outcomes(), review.findings())


# Kinds of repositories, made of the package SMALL. Each function fills the empty folder `place`; `source` is the package's
# repository.


def copy(place, source, *options):
    """Clones with the branch `update` checked out."""
    git(place.parent, "clone", "--quiet", "--branch", "update", *options, f"file://{source}", place)


def without_files(place, source):
    create(place)


def uncommitted_only(place, source):
    create(place)
    shutil.copytree(source / "lib", place / "lib")


def one_commit(place, source):
    create(place)
    commit(place, source / "lib", "one")


def no_repository(place, source):
    (place / "a.py").write_text("print(1)\n")


def no_branch(place, source):
    copy(place, source)
    git(place, "remote", "remove", "origin")
    git(place, "branch", "main", "HEAD~1")


def dirty(place, source):
    no_branch(place, source)
    (place / "README.md").write_text("changed\n")
    (place / "staged.py").write_text("value = eval(input())\n")
    git(place, "add", "staged.py")
    (place / "untracked.py").write_text("def add(item, items=[]):\n    items.append(item)\n")


def detached(place, source):
    no_branch(place, source)
    git(place, "checkout", "--quiet", "--detach")


def bare(place, source):
    copy(place, source, "--bare")


def shallow(place, source):
    copy(place, source, "--depth=1")


def partial(place, source):
    git(source, "config", "uploadpack.allowFilter", "true")
    copy(place, source, "--filter=blob:none")


def merge(place, source):
    no_branch(place, source)
    git(place, "checkout", "--quiet", "main")
    (place / "other.py").write_text("print(1)\n")
    git(place, "add", "other.py")
    git(place, "commit", "--quiet", "--message", "other")
    git(place, "checkout", "--quiet", "update")
    git(place, "merge", "--quiet", "--no-edit", "main")


def work_tree(place, source):
    git(source, "worktree", "prune")
    git(source, "worktree", "add", "--quiet", "--detach", place, "update")


def ten_thousand_files(place, source):
    create(place)
    for number in range(10_000):
        file = place / f"part{number // 100}" / f"module{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"def add(left, right):\n    return left + right + {number}\n")


KINDS = [
    ("empty, without files", without_files, ["."]),
    ("empty, with uncommitted files", uncommitted_only, ["."]),
    ("one commit", one_commit, ["."]),
    ("no repository", no_repository, ["."]),
    ("branch without a remote", no_branch, ["."]),
    ("branch with uncommitted work", dirty, ["."]),
    ("the same, only uncommitted work", dirty, ["--uncommitted"]),
    ("the same, only staged", dirty, ["--staged"]),
    ("detached HEAD", detached, ["."]),
    ("bare", bare, ["main..update"]),
    ("shallow, one commit", shallow, ["."]),
    ("partial clone without blobs", partial, ["."]),
    ("merge commit at the head", merge, ["."]),
    ("linked work tree", work_tree, ["."]),
    ("sub folder", no_branch, ["lib"]),
    ("10,000 new files", ten_thousand_files, ["."]),
]


def kinds_table(program, folder):
    source = repository_of(folder, SMALL)
    git(source, "checkout", "--quiet", "main")
    row("repository", "command", "status", "seconds", "processor", "files", "findings", "reviewed")
    row("---", "---", "---:", "---:", "---:", "---", "---", "---")
    for name, fill, arguments in KINDS:
        # Outside of any repository: git would find one in a parent folder.
        with tempfile.TemporaryDirectory(prefix="holdfast-table-") as outside:
            place = Path(outside) / name.replace(" ", "-").replace(",", "")
            place.mkdir()
            fill(place, source)
            review = Review(program, folder, place, arguments)
            row(name, f"`holdfast review {' '.join(arguments)}`", review.status, *review.times(), review.outcomes(),
                review.findings(), review.note())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/holdfast")
    parser.add_argument("--folder", type=Path, default=ROOT / "target/repositories")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    program, folder = options.program.resolve(), options.folder.resolve()
    if not program.exists():
        parser.error(f"{program} is missing: cargo build --release --bin holdfast, or --program FILE")
    packages_table(program, folder, [package for package in PACKAGES if not options.names or package[1] in options.names])
    if not options.names:
        print()
        kinds_table(program, folder)


if __name__ == "__main__":
    main()
