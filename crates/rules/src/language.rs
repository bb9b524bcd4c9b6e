//! The supported languages: paths, grammars, names in rules, and the kinds of nodes that are scopes and imports.

use tree_sitter::Language as Grammar;

/// A supported language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Language {
    Bash,
    C,
    Cpp,
    CSharp,
    Dockerfile,
    Go,
    Hcl,
    Java,
    JavaScript,
    Kotlin,
    Php,
    Python,
    Ruby,
    Rust,
    Sql,
    Tsx,
    TypeScript,
    /// A workflow or an action of GitHub Actions.
    Workflow,
}

impl Language {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 18] = [
        Self::Bash,
        Self::C,
        Self::Cpp,
        Self::CSharp,
        Self::Dockerfile,
        Self::Go,
        Self::Hcl,
        Self::Java,
        Self::JavaScript,
        Self::Kotlin,
        Self::Php,
        Self::Python,
        Self::Ruby,
        Self::Rust,
        Self::Sql,
        Self::Tsx,
        Self::TypeScript,
        Self::Workflow,
    ];

    /// Returns the language of a path, by its name.
    pub fn of_path(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = name.to_ascii_lowercase();
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        if matches!(ending, "yml" | "yaml") {
            let is_workflow = folder == ".github/workflows" || folder.ends_with("/.github/workflows");
            return (is_workflow || stem == "action").then_some(Self::Workflow);
        }
        let is_recipe = |name: &str| matches!(name, "dockerfile" | "containerfile");
        Some(match ending {
            "sh" | "bash" => Self::Bash,
            "c" | "h" => Self::C,
            "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx" => Self::Cpp,
            "cs" => Self::CSharp,
            "go" => Self::Go,
            "tf" | "tofu" | "hcl" => Self::Hcl,
            "java" => Self::Java,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "kt" | "kts" => Self::Kotlin,
            "php" | "phtml" => Self::Php,
            "py" | "pyi" | "pyw" => Self::Python,
            "rb" | "rake" | "gemspec" => Self::Ruby,
            "rs" => Self::Rust,
            "sql" => Self::Sql,
            "tsx" => Self::Tsx,
            "ts" | "mts" | "cts" => Self::TypeScript,
            _ if is_recipe(ending) || is_recipe(name.split('.').next().unwrap_or_default()) => Self::Dockerfile,
            _ => return None,
        })
    }

    /// Returns true if the name of a file has no ending, so that its first line may name its interpreter.
    pub fn may_be_script(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.is_empty() && !name.contains('.')
    }

    /// Returns the language of a file, by its path, or for a script without an ending by its first line.
    pub fn of_file(path: &str, text: &str) -> Option<Self> {
        Self::of_path(path).or_else(|| Self::may_be_script(path).then(|| Self::of_script(text))?)
    }

    fn of_script(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("#!")?;
        let mut words = line.split_whitespace();
        let mut program = words.next()?.rsplit('/').next()?;
        if program == "env" {
            program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
        }
        match program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
            "sh" | "bash" | "dash" => Some(Self::Bash),
            "python" | "pypy" => Some(Self::Python),
            "node" => Some(Self::JavaScript),
            "ruby" => Some(Self::Ruby),
            "php" => Some(Self::Php),
            _ => None,
        }
    }

    /// Returns the language that a rule calls by this name.
    pub fn of_rule(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.rule_name() == name)
    }

    /// Returns its name in rules.
    pub const fn rule_name(self) -> &'static str {
        match self {
            Self::Bash => "Bash",
            Self::C => "C",
            Self::Cpp => "Cpp",
            Self::CSharp => "CSharp",
            Self::Dockerfile => "Dockerfile",
            Self::Go => "Go",
            Self::Hcl => "Hcl",
            Self::Java => "Java",
            Self::JavaScript => "JavaScript",
            Self::Kotlin => "Kotlin",
            Self::Php => "Php",
            Self::Python => "Python",
            Self::Ruby => "Ruby",
            Self::Rust => "Rust",
            Self::Sql => "Sql",
            Self::Tsx => "Tsx",
            Self::TypeScript => "TypeScript",
            Self::Workflow => "Workflow",
        }
    }

    /// Returns its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpp => "C++",
            Self::CSharp => "C#",
            Self::Hcl => "Terraform",
            Self::Php => "PHP",
            Self::Sql => "SQL",
            Self::Tsx => "TypeScript",
            Self::Workflow => "GitHub Actions",
            Self::Bash
            | Self::C
            | Self::Dockerfile
            | Self::Go
            | Self::Java
            | Self::JavaScript
            | Self::Kotlin
            | Self::Python
            | Self::Ruby
            | Self::Rust
            | Self::TypeScript => self.rule_name(),
        }
    }

    /// Returns the folder of the rules on it.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::CSharp => "csharp",
            Self::Dockerfile => "dockerfile",
            Self::Go => "go",
            Self::Hcl => "hcl",
            Self::Java => "java",
            Self::JavaScript | Self::Tsx | Self::TypeScript => "javascript",
            Self::Kotlin => "kotlin",
            Self::Php => "php",
            Self::Python => "python",
            Self::Ruby => "ruby",
            Self::Rust => "rust",
            Self::Sql => "sql",
            Self::Workflow => "workflow",
        }
    }

    /// Returns its grammar; none if this build doesn't have it.
    pub fn grammar(self) -> Option<Grammar> {
        Some(match self {
            Self::Bash => tree_sitter_bash::LANGUAGE.into(),
            Self::C => tree_sitter_c::LANGUAGE.into(),
            Self::Dockerfile => tree_sitter_containerfile::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Hcl => tree_sitter_hcl::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Workflow => tree_sitter_yaml::LANGUAGE.into(),
            Self::Cpp | Self::CSharp | Self::Kotlin | Self::Php | Self::Ruby | Self::Sql => return self.more_grammar(),
        })
    }

    #[cfg(feature = "all-languages")]
    fn more_grammar(self) -> Option<Grammar> {
        Some(match self {
            Self::Cpp => tree_sitter_cpp::LANGUAGE.into(),
            Self::CSharp => tree_sitter_c_sharp::LANGUAGE.into(),
            Self::Kotlin => tree_sitter_kotlin_sg::LANGUAGE.into(),
            // The other grammar of PHP takes a pattern without `<?php` for text.
            Self::Php => tree_sitter_php::LANGUAGE_PHP_ONLY.into(),
            Self::Ruby => tree_sitter_ruby::LANGUAGE.into(),
            Self::Sql => tree_sitter_sequel::LANGUAGE.into(),
            _ => return None,
        })
    }

    #[cfg(not(feature = "all-languages"))]
    const fn more_grammar(self) -> Option<Grammar> {
        None
    }

    /// Returns the character that stands for `$` in front of a pattern's variables while the pattern is parsed: one that
    /// the language's names may have.
    pub const fn variable_sign(self) -> char {
        match self {
            Self::Bash | Self::Java | Self::JavaScript | Self::Tsx | Self::TypeScript | Self::Workflow => '$',
            Self::C | Self::Cpp => '\u{10000}',
            Self::Dockerfile | Self::Sql => '_',
            Self::CSharp | Self::Go | Self::Hcl | Self::Kotlin | Self::Php | Self::Python | Self::Ruby | Self::Rust => {
                'µ'
            }
        }
    }

    /// Returns the scope's kind for people, if a node is a scope.
    pub fn scope_kind(self, node: &str) -> Option<&'static str> {
        Some(match (self, node) {
            (Self::Rust, "function_item")
            | (Self::Python | Self::Bash | Self::C | Self::Cpp | Self::Php, "function_definition")
            | (Self::Go | Self::Kotlin, "function_declaration")
            | (Self::CSharp, "local_function_statement") => "function",
            (
                Self::JavaScript | Self::TypeScript | Self::Tsx,
                "function_declaration" | "generator_function_declaration",
            ) => "function",
            (Self::JavaScript | Self::TypeScript | Self::Tsx, "method_definition")
            | (Self::Go | Self::Java | Self::CSharp | Self::Php, "method_declaration")
            | (Self::Java | Self::CSharp, "constructor_declaration")
            | (Self::Ruby, "method" | "singleton_method") => "method",
            (Self::Rust, "impl_item") => "impl",
            (Self::Rust, "trait_item") => "trait",
            (Self::Rust, "struct_item" | "enum_item" | "union_item") | (Self::Go, "type_declaration") => "type",
            (Self::Rust, "mod_item") | (Self::Ruby, "module") => "module",
            (Self::Rust, "macro_definition") => "macro",
            (Self::Python, "class_definition")
            | (
                Self::JavaScript | Self::TypeScript | Self::Tsx | Self::Java | Self::CSharp | Self::Kotlin | Self::Php,
                "class_declaration",
            )
            | (Self::Cpp, "class_specifier")
            | (Self::Ruby, "class") => "class",
            (Self::TypeScript | Self::Tsx | Self::Java | Self::CSharp | Self::Php, "interface_declaration") => {
                "interface"
            }
            (Self::TypeScript | Self::Tsx | Self::Java | Self::CSharp, "enum_declaration")
            | (Self::Java, "record_declaration")
            | (Self::CSharp, "struct_declaration") => "type",
            (Self::Hcl, "block") => "block",
            _ => return None,
        })
    }

    /// Returns true for an import.
    pub fn is_import(self, node: &str) -> bool {
        match self {
            Self::C | Self::Cpp => node == "preproc_include",
            Self::CSharp => node == "using_directive",
            Self::Go | Self::Java => node == "import_declaration",
            Self::JavaScript | Self::TypeScript | Self::Tsx => node == "import_statement",
            Self::Kotlin => node == "import_header",
            Self::Php => node == "namespace_use_declaration",
            Self::Python => matches!(
                node,
                "import_statement" | "import_from_statement" | "future_import_statement"
            ),
            Self::Rust => matches!(node, "use_declaration" | "extern_crate_declaration"),
            Self::Bash | Self::Dockerfile | Self::Hcl | Self::Ruby | Self::Sql | Self::Workflow => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_language_of_its_name_or_of_its_first_line() {
        for (path, text, language) in [
            ("a.py", "", Some(Language::Python)),
            ("A.JSX", "", Some(Language::JavaScript)),
            (".github/workflows/ci.yml", "", Some(Language::Workflow)),
            ("x/.github/workflows/ci.yaml", "", Some(Language::Workflow)),
            (".github/workflows/deep/ci.yml", "", None),
            ("config.yml", "", None),
            ("sub/action.yaml", "", Some(Language::Workflow)),
            ("Dockerfile", "", Some(Language::Dockerfile)),
            ("x/dockerfile.rs", "", Some(Language::Rust)),
            ("x/Dockerfile.dev", "", Some(Language::Dockerfile)),
            ("x/app.dockerfile", "", Some(Language::Dockerfile)),
            ("main.tf", "", Some(Language::Hcl)),
            ("bin/run", "#!/bin/sh\n", Some(Language::Bash)),
            ("bin/run", "#!/usr/bin/env python3.12\n", Some(Language::Python)),
            ("bin/run", "#!/usr/bin/env -S bash -e\n", Some(Language::Bash)),
            ("bin/run", "#!/usr/bin/perl\n", None),
            ("bin/run", "#!", None),
            ("run.txt", "#!/bin/sh\n", None),
            ("LICENSE", "text", None),
            ("", "#!/bin/sh", None),
        ] {
            assert_eq!(Language::of_file(path, text), language, "{path}");
        }
    }

    #[test]
    fn each_language_has_a_name_in_rules() {
        for language in Language::ALL {
            assert_eq!(Language::of_rule(language.rule_name()), Some(language));
        }
        assert_eq!(Language::of_rule("Cobol"), None);
    }
}
