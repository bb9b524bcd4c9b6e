"""Compares the noise filter with linguist. Prints the table of docs/benchmarks.md.

  apt-get install ruby-github-linguist
  python3 tests/noise/compare.py [--folder FOLDER]

cargo, npm and pip download published packages to FOLDER. For each file, linguist decides by its path and its text; Holdfast
decides as for a file that the base and the head both have. The example `noise` of holdfast-core prints its decision.
"""

import argparse
import collections
import json
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [
    ("cargo", "libsqlite3-sys", "0.30.1"),
    ("cargo", "tree-sitter-python", "0.25.0"),
    ("cargo", "openssl-src", "300.2.1+3.2.0"),
    ("npm", "bootstrap", "5.3.3"),
    ("npm", "codemirror", "5.65.16"),
    ("npm", "jison", "0.4.18"),
    ("npm", "protobufjs", "7.3.0"),
    ("npm", "react-native", "0.75.3"),
    ("pip", "django", "5.0.6"),
    ("pip", "notebook", "7.2.0"),
    ("pip", "sphinx", "7.3.7"),
]
COMMAND = ("cargo", "run", "--quiet", "-p", "holdfast-core", "--example", "noise", "--")
# Files above it are not read by either.
MAX_BYTES = 1024 * 1024
LINGUIST = """
require "linguist"
require "linguist/blob_helper"
root = ARGV[0]
STDIN.each_line(chomp: true) do |path|
  # The path in the package, not that in the folder of the packages.
  blob = Linguist::Blob.new(path, File.binread(File.join(root, path)))
  rule = blob.vendored? ? "vendored" : (blob.generated? ? "generated" : "review")
  puts [path, rule].join("\\t")
end
"""


def run(*command, cwd=ROOT, text=None):
    return subprocess.run(command, cwd=cwd, input=text, check=True, text=True, stdout=subprocess.PIPE).stdout


def unpack(folder, client, name, version):
    """Returns the folder of a package's files."""
    place = folder / f"{client}-{name.replace('/', '-')}-{version}"
    if place.exists():
        return place
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        cache = Path(cache)
        content = cache / "content"
        if client == "cargo":
            manifest = f'[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n[lib]\npath = "a.rs"\n[dependencies]\n{name} = "={version}"\n'
            (cache / "Cargo.toml").write_text(manifest)
            (cache / "a.rs").write_text("")
            run("cargo", "vendor", "--quiet", "vendor", cwd=cache)
            (cache / "vendor" / name).rename(content)
        elif client == "npm":
            run("npm", "pack", "--silent", f"{name}@{version}", cwd=cache)
            with tarfile.open(next(cache.glob("*.tgz"))) as archive:
                archive.extractall(cache / "unpacked", filter="data")
            (cache / "unpacked" / "package").rename(content)
        else:
            run("pip", "download", "--quiet", "--no-deps", f"{name}=={version}", cwd=cache)
            with zipfile.ZipFile(next(cache.glob("*.whl"))) as archive:
                archive.extractall(content)
        content.rename(place)
    return place


def decisions(command, place, paths):
    lines = run(*command, str(place), *([] if command[0] == "ruby" else ["-"]), text="\n".join(paths)).splitlines()
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="/tmp/holdfast-noise")
    parser.add_argument("--program", help="the built example; otherwise cargo runs it")
    folder = Path(parser.parse_args().folder)
    folder.mkdir(parents=True, exist_ok=True)
    ours_command = (parser.parse_args().program,) if parser.parse_args().program else COMMAND
    kinds = {"only linguist": collections.Counter(), "only Holdfast": collections.Counter()}
    examples = {}
    print("| package | files | both skip | both review | only linguist | only Holdfast |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for client, name, version in PACKAGES:
        place = unpack(folder, client, name, version)
        files = (file for file in sorted(place.rglob("*")) if file.is_file() and not file.is_symlink())
        paths = []
        for file in files:
            content = file.read_bytes()
            # Both leave out binary files, each by rules of its own; names with a line feed fit no list.
            if len(content) <= MAX_BYTES and b"\0" not in content and "\n" not in str(file):
                paths.append(str(file.relative_to(place)))
        linguist = decisions(("ruby", "-e", LINGUIST), place, paths)
        ours = decisions(ours_command, place, paths)
        counts = collections.Counter()
        for path in paths:
            theirs, (rule, left) = linguist[path][0], (ours[path] + [""])[:2]
            outcome = (theirs != "review", rule != "review")
            counts[outcome] += 1
            kind = {(True, False): "only linguist", (False, True): "only Holdfast"}.get(outcome)
            if kind:
                why = (theirs, left) if kind == "only linguist" else (rule,)
                kinds[kind][why] += 1
                examples.setdefault((kind, why), f"{name}: {path}")
        row = [len(paths), counts[True, True], counts[False, False], counts[True, False], counts[False, True]]
        print(f"| {name} {version} ({client}) | " + " | ".join(map(str, row)) + " |")
    for kind, found in kinds.items():
        print(f"\n| {kind} | files | example |\n| --- | ---: | --- |")
        for why, number in found.most_common():
            print(f"| {': '.join(filter(None, why))} | {number} | `{examples[kind, why]}` |")


if __name__ == "__main__":
    main()
