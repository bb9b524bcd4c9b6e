//! The tables of the rules: lock files, data, extensions and locations of files.

use std::sync::LazyLock;

use globset::GlobSet;

use crate::model::policy::glob_set;

/// The lock files of package managers.
#[rustfmt::skip]
const LOCKFILES: &[&str] = &[
    "**/Cargo.lock", "**/package-lock.json", "**/npm-shrinkwrap.json", "**/yarn.lock", "**/pnpm-lock.yaml",
    "**/bun.lock", "**/deno.lock", "**/poetry.lock", "**/uv.lock", "**/pdm.lock", "**/Pipfile.lock", "**/pixi.lock",
    "**/pylock.toml", "**/conda-lock.yml", "**/Gemfile.lock", "**/gems.locked", "**/composer.lock", "**/go.sum",
    "**/go.work.sum", "**/Gopkg.lock", "**/glide.lock", "**/flake.lock", "**/mix.lock", "**/rebar.lock",
    "**/pubspec.lock", "**/gradle.lockfile", "**/buildscript-gradle.lockfile", "**/packages.lock.json",
    "**/paket.lock", "**/Podfile.lock", "**/Cartfile.resolved", "**/Package.resolved", "**/.terraform.lock.hcl",
    "**/MODULE.bazel.lock", "**/conan.lock", "**/stack.yaml.lock", "**/Chart.lock", "**/mise.lock", "**/renv.lock",
    "**/shard.lock", "**/*.esy.lock", "**/esy.lock",
];
const SNAPSHOT_FOLDERS: &[&str] = &["**/__snapshots__/**"];
const SNAPSHOTS: &[&str] = &["**/*.snap", "**/*.snap.new", "**/*.verified.txt", "**/*.approved.txt"];
const DATA: &[&str] = &[
    "**/*.svg",
    "**/*.csv",
    "**/*.tsv",
    "**/*.geojson",
    "**/*.po",
    "**/*.pot",
];

/// Extensions of binary formats. Any other file with NUL bytes is unreviewed, not skipped: one byte in a comment
/// would hide a script.
pub(super) const BINARY_ENDINGS: &[&str] = &[
    "7z",
    "a",
    "aab",
    "aac",
    "apk",
    "avi",
    "avif",
    "bin",
    "bmp",
    "br",
    "bz2",
    "class",
    "dat",
    "db",
    "deb",
    "der",
    "dex",
    "dll",
    "dmg",
    "doc",
    "docx",
    "dylib",
    "ear",
    "eot",
    "exe",
    "fla",
    "flac",
    "gif",
    "glb",
    "gz",
    "heic",
    "icns",
    "ico",
    "ipa",
    "iso",
    "jar",
    "jks",
    "jpeg",
    "jpg",
    "keystore",
    "ktx",
    "lib",
    "lz4",
    "mo",
    "mov",
    "mp3",
    "mp4",
    "mpeg",
    "msi",
    "node",
    "npy",
    "npz",
    "o",
    "obj",
    "odg",
    "odp",
    "ods",
    "odt",
    "ogg",
    "onnx",
    "otf",
    "p12",
    "parquet",
    "pb",
    "pdb",
    "pdf",
    "pfx",
    "pickle",
    "pkl",
    "png",
    "ppt",
    "pptx",
    "psd",
    "pyc",
    "rar",
    "rpm",
    "safetensors",
    "snk",
    "so",
    "sqlite",
    "sqlite3",
    "swf",
    "tar",
    "tgz",
    "tif",
    "tiff",
    "ttc",
    "ttf",
    "war",
    "wasm",
    "wav",
    "webm",
    "webp",
    "whl",
    "woff",
    "woff2",
    "xls",
    "xlsx",
    "xz",
    "zip",
    "zst",
];

/// Locations where a file runs by itself or from a hook: no rule skips a file there.
const RUNS_BY_PLACE: &[&str] = &[
    "**/.github/**",
    "**/.gitea/**",
    "**/.forgejo/**",
    "**/.circleci/**",
    "**/.buildkite/**",
    "**/.woodpecker/**",
    "**/.husky/**",
    "**/.githooks/**",
    "**/.gitlab-ci*",
    "**/.gitlab/**",
    "**/.woodpecker*",
    "**/.drone*",
    "**/.travis.y*ml",
    "**/azure-pipelines*",
    "**/bitbucket-pipelines*",
    "**/Jenkinsfile*",
    "**/action.y*ml",
];

/// The tables of globs.
pub(super) struct Tables {
    /// Formats that tools read as data, whatever the file's name.
    pub by_format: Vec<(&'static str, GlobSet)>,
    /// Folders of snapshots: they don't reveal the content, and count only for files of the base.
    pub snapshot_folders: GlobSet,
    /// Locations where a file runs.
    pub runs_by_place: GlobSet,
}

/// Compiled once.
pub(super) static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let set = |globs: &[&str]| {
        let owned: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        glob_set(&owned).unwrap_or_default()
    };
    let rules = |rules: &[(&'static str, &[&str])]| rules.iter().map(|(rule, globs)| (*rule, set(globs))).collect();
    Tables {
        by_format: rules(&[("lockfile", LOCKFILES), ("snapshot", SNAPSHOTS), ("data", DATA)]),
        snapshot_folders: set(SNAPSHOT_FOLDERS),
        runs_by_place: set(RUNS_BY_PLACE),
    }
});
