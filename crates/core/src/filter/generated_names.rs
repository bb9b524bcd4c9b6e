//! Names of generated files. The facts are linguist's `generated.rb` (github-linguist/linguist, MIT) and the outputs of
//! common generators.

use std::sync::LazyLock;

use regex::RegexSet;

/// The rule that coverage names, and a pattern of paths.
#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    ("generated: minified", r"[.-]min\.(js|mjs|cjs|css)$"),
    ("generated: source map", r"(?i)\.(css|js|mjs|cjs|ts)\.map$"),
    ("generated: dist/", r"(^|/)dist/.*\.(js|mjs|cjs|css|map)$"),
    ("generated: protobuf", r"\.pb(\.gw|\.validate)?\.go$|_pb2(_grpc)?\.pyi?$|\.pb\.(cc|h|dart)$|_pb\.(js|ts|d\.ts)$|_pb\.rb$|\.twirp\.go$"),
    ("generated: Dart", r"\.(g|freezed|gr|mocks)\.dart$"),
    ("generated: by its name", r"\.generated\.[^/]*$|(^|/)__generated__/"),
    ("generated: .NET designer", r"(?i)\.designer\.(cs|vb)$"),
    ("generated: .NET source generator", r"(?i)\.g(\.i)?\.cs$"),
    ("generated: SpecFlow", r"(?i)\.feature\.cs$"),
    ("generated: Xcode", r"\.(nib|xcworkspacedata|xcuserstate)$"),
    ("generated: IntelliJ", r"(^|/)\.idea/"),
    ("generated: Yarn Plug'n'Play", r"(^|/)\.pnp\.[^/]*$"),
    ("generated: Zephir", r"[^/]\.zep\.(c|h|php)$"),
    ("generated: type library", r"(?i)_tlb\.pas$"),
    ("generated: coverage report", r"(^|/)htmlcov/"),
    ("generated: sqlx", r"(^|/)\.sqlx/query-[0-9a-f]{64}\.json$"),
];

static PATTERNS: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(NAMES.iter().map(|(_, pattern)| pattern)).unwrap_or_default());

/// Returns the rule for the name of a generated file.
pub fn generated_by_name(path: &str) -> Option<&'static str> {
    let first = PATTERNS.matches(path).iter().next()?;
    NAMES.get(first).map(|(rule, _)| *rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_generated_files() {
        assert!(!PATTERNS.is_empty(), "every pattern compiles");
        for (path, rule) in [
            ("a/x.min.js", Some("generated: minified")),
            ("a/x-min.css", Some("generated: minified")),
            ("a/x.js.map", Some("generated: source map")),
            ("levels/a.map", None),
            ("dist/x.mjs", Some("generated: dist/")),
            ("dist/x.py", None),
            ("api/x.pb.go", Some("generated: protobuf")),
            ("api/x_pb2_grpc.py", Some("generated: protobuf")),
            ("api/x_pb.ts", Some("generated: protobuf")),
            ("lib/x.g.dart", Some("generated: Dart")),
            ("src/x.generated.ts", Some("generated: by its name")),
            ("src/__generated__/q.ts", Some("generated: by its name")),
            ("Form1.Designer.cs", Some("generated: .NET designer")),
            ("obj/A.g.cs", Some("generated: .NET source generator")),
            ("Login.feature.cs", Some("generated: SpecFlow")),
            (".idea/workspace.xml", Some("generated: IntelliJ")),
            (".pnp.cjs", Some("generated: Yarn Plug'n'Play")),
            ("src/generated.rs", None),
            ("src/designer.cs", None),
        ] {
            assert_eq!(generated_by_name(path), rule, "{path}");
        }
    }
}
