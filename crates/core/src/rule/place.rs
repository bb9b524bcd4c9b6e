//! Classifies a file by its path: whether it writes values without quotes, and whether it is for tests or readers.

/// The syntax of a file's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// Names and values, without quotes: settings, shell, Dockerfile.
    Settings,
    /// Code: a word without quotes is an identifier.
    Code,
    /// Prose, data, or unknown.
    #[default]
    Other,
}

const SETTINGS_ENDS: &[&str] = &[
    "env",
    "yml",
    "yaml",
    "properties",
    "props",
    "ini",
    "cfg",
    "conf",
    "config",
    "cnf",
    "toml",
    "tf",
    "tfvars",
    "hcl",
    "sh",
    "bash",
    "zsh",
    "fish",
    "ps1",
    "bat",
    "cmd",
    "npmrc",
    "netrc",
    "pypirc",
    "envrc",
    "service",
    "plist",
    "xml",
    "credentials",
    "curlrc",
    "wgetrc",
    "pgpass",
    "s3cfg",
    "boto",
    "yarnrc",
    "gemrc",
    "desktop",
    "reg",
    "nomad",
    "mk",
    "cmake",
    "gradle",
    "dockerfile",
    "containerfile",
    "tmpl",
    "tpl",
    "j2",
    "local",
    "secret",
    "secrets",
];

const SETTINGS_NAMES: &[&str] = &[
    "dockerfile",
    "containerfile",
    "makefile",
    "jenkinsfile",
    "procfile",
    "vagrantfile",
    "credentials",
    ".env",
    ".git-credentials",
    ".bashrc",
    ".zshrc",
    ".profile",
    ".bash_profile",
    ".my.cnf",
    "config",
    "secrets",
    "htpasswd",
    ".htpasswd",
    "_netrc",
    "kubeconfig",
];

const CODE_ENDS: &[&str] = &[
    "rs", "py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "tsx", "go", "java", "kt", "kts", "scala", "c", "h", "cc",
    "cpp", "cxx", "hpp", "cs", "fs", "vb", "rb", "erb", "php", "swift", "m", "mm", "pl", "pm", "lua", "r", "dart",
    "ex", "exs", "erl", "hs", "ml", "clj", "cljs", "groovy", "vue", "svelte", "astro", "sql", "css", "scss", "less",
    "zig", "nim", "jl", "sol", "proto", "graphql", "asl",
];

impl Form {
    /// Classifies by the last segment of the path.
    pub fn of(path: &str) -> Self {
        let lower = path.to_ascii_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        let is_settings = SETTINGS_NAMES.contains(&name)
            || SETTINGS_ENDS.contains(&end)
            || name.starts_with(".env")
            || name.starts_with("dockerfile.")
            || name.starts_with(".aws")
            || lower.contains(".aws/")
            || lower.contains(".kube/");
        match () {
            () if is_settings => Self::Settings,
            () if CODE_ENDS.contains(&end) => Self::Code,
            () => Self::Other,
        }
    }
}

/// Returns whether a file is for tests, readers, examples or benchmarks: a fault there matters less.
pub fn is_beside_program(path: &str) -> bool {
    const FOLDERS: &[&str] = &["bench", "benches", "benchmark", "benchmarks"];
    let mut folders = path.split('/').map(str::to_ascii_lowercase);
    is_for_show(path) || folders.any(|folder| FOLDERS.contains(&folder.as_str()))
}

/// Returns whether a file is for tests, readers or examples: secrets in it are less often in use.
pub(super) fn is_for_show(path: &str) -> bool {
    const FOLDERS: &[&str] = &[
        "test",
        "tests",
        "testing",
        "testdata",
        "test-data",
        "test_data",
        "__tests__",
        "spec",
        "specs",
        "e2e",
        "fixtures",
        "fixture",
        "__fixtures__",
        "mocks",
        "__mocks__",
        "mock",
        "doc",
        "docs",
        "documentation",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "snapshots",
        "__snapshots__",
        "cassettes",
        "golden",
        "tutorial",
        "tutorials",
        "it",
    ];
    const ENDS: &[&str] = &[
        "md", "mdx", "rst", "adoc", "asciidoc", "txt", "example", "sample", "template", "dist", "snap", "feature",
    ];
    const PARTS: &[&str] = &[
        "test", "tests", "spec", "mock", "mocks", "fixture", "example", "sample", "e2e",
    ];
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    folders.split('/').any(|folder| FOLDERS.contains(&folder))
        || ENDS.contains(&end)
        || name.split(['.', '_', '-']).any(|part| PARTS.contains(&part))
        || name.split_once('.').is_some_and(|(stem, _)| {
            let original = path.rsplit('/').next().unwrap_or_default();
            original
                .get(..stem.len())
                .is_some_and(|stem| stem.ends_with("Test") || stem.ends_with("Tests") || stem.ends_with("Spec"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_determines_how_values_are_written() {
        for (path, form) in [
            (".env", Form::Settings),
            ("deploy/.env.production", Form::Settings),
            ("Dockerfile", Form::Settings),
            ("k8s/secret.yaml", Form::Settings),
            ("src/app.properties", Form::Settings),
            ("home/.netrc", Form::Settings),
            ("src/main.rs", Form::Code),
            ("a/b.tsx", Form::Code),
            ("notes.ipynb", Form::Other),
            ("README", Form::Other),
        ] {
            assert_eq!(Form::of(path), form, "{path}");
        }
    }

    #[test]
    fn tests_and_documents_are_recognised() {
        for path in [
            "tests/a.rs",
            "src/a_test.go",
            "docs/x.html",
            "README.md",
            "src/UserTest.java",
            "pkg/testdata/key.pem",
            ".env.example",
            "a.spec.ts",
        ] {
            assert!(is_for_show(path), "{path}");
        }
        for path in [
            "src/main.rs",
            ".env",
            "src/latest.rs",
            "contest/a.py",
            "src/attestation.rs",
            "Dockerfile",
        ] {
            assert!(!is_for_show(path), "{path}");
        }
    }
}
