//! Languages that a code fence may name: GitHub colours them and does nothing else with them. Whatever it draws or applies
//! (`suggestion`, `mermaid`, `math`, `geojson`, `topojson`, `stl` and the like) is not among them, nor is anything unknown.

/// Names and their usual short forms, in lower case, sorted.
const LANGUAGES: &[&str] = &[
    "ada", "apache", "asm", "awk", "bash", "bat", "bazel", "c", "c#", "c++", "clojure", "cmake", "cmd", "cobol", "coffeescript",
    "console", "cpp", "cs", "csharp", "css", "csv", "cuda", "d", "dart", "diff", "docker", "dockerfile", "elixir", "elm", "erlang",
    "f#", "fish", "fortran", "fsharp", "go", "golang", "gradle", "graphql", "groovy", "h", "haskell", "hcl", "hpp", "hs", "html",
    "http", "ini", "java", "javascript", "jinja", "js", "json", "json5", "jsonc", "jsx", "julia", "kotlin", "kt", "less", "lisp",
    "lua", "make", "makefile", "markdown", "matlab", "md", "nginx", "nim", "nix", "objc", "objective-c", "ocaml", "pascal", "perl",
    "php", "plaintext", "powershell", "properties", "proto", "protobuf", "ps1", "puppet", "py", "python", "r", "rb", "rs", "ruby",
    "rust", "sass", "scala", "scheme", "scss", "sh", "shell", "solidity", "sql", "starlark", "svelte", "swift", "tcl", "terraform",
    "tex", "text", "tf", "toml", "ts", "tsx", "txt", "typescript", "vb", "verilog", "vhdl", "vim", "vue", "wasm", "xml", "yaml",
    "yml", "zig", "zsh",
];

/// The language of a fence's info string, or nothing where it is not known.
pub(super) fn known_language(info: &str) -> &'static str {
    let word = info.split([' ', '\t', ',', '{']).find(|word| !word.is_empty()).unwrap_or("");
    let word = word.to_ascii_lowercase();
    let at = LANGUAGES.binary_search(&word.as_str());
    at.ok().and_then(|at| LANGUAGES.get(at)).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_languages_only() {
        assert!(LANGUAGES.is_sorted(), "it is searched by halves");
        for (info, language) in [
            ("rust", "rust"),
            (" Rust,ignore", "rust"),
            ("c++", "c++"),
            ("suggestion", ""),
            ("suggestion:-0+1", ""),
            ("mermaid", ""),
            ("math", ""),
            ("geojson", ""),
            ("topojson", ""),
            ("stl", ""),
            ("rust`", ""),
            ("", ""),
        ] {
            assert_eq!(known_language(info), language, "{info}");
        }
    }
}
