//! Manifests: the files in which people name dependencies.

/// Returns whether a path is a manifest of a package manager.
pub fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_requirements = name.starts_with("requirements") && (name.ends_with(".txt") || name.ends_with(".in"));
    let is_project = [".csproj", ".fsproj", ".vbproj", ".gemspec"]
        .iter()
        .any(|ending| name.ends_with(ending));
    is_requirements
        || is_project
        || matches!(
            name,
            "Cargo.toml"
                | "package.json"
                | "pyproject.toml"
                | "setup.py"
                | "setup.cfg"
                | "Pipfile"
                | "go.mod"
                | "Gemfile"
                | "gems.rb"
                | "composer.json"
                | "Directory.Packages.props"
                | "pnpm-workspace.yaml"
                | "build.gradle"
                | "build.gradle.kts"
                | "libs.versions.toml"
                | "pom.xml"
        )
}

/// Returns whether a line of a manifest, or of a file's imports, names a dependency. `-` and `_` are the same, as in
/// Rust and Python; a Java package is named by its group.
pub fn mentions(line: &str, name: &str) -> bool {
    let fold = |text: &str| -> Vec<u8> {
        let bytes = text.bytes();
        bytes
            .map(|byte| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() })
            .collect()
    };
    let line = fold(line);
    let name = fold(name.split(':').next().unwrap_or(name));
    if name.is_empty() || line.len() < name.len() {
        return false;
    }
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    line.windows(name.len()).enumerate().any(|(start, window)| {
        let before = start.checked_sub(1).and_then(|at| line.get(at));
        window == name && !is_part(before) && !is_part(line.get(start + name.len()))
    })
}
