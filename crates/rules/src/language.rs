//! The supported languages: file extensions, grammars, and the kinds of nodes that are scopes and imports.

/// A supported language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Language {
    Go,
    Java,
    JavaScript,
    Python,
    Rust,
    Tsx,
    TypeScript,
}

impl Language {
    /// The number of languages. It names the last variant.
    pub const COUNT: usize = Self::TypeScript as usize + 1;

    /// Returns the language of a path, by its extension.
    pub fn of_path(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "go" => Self::Go,
            "java" => Self::Java,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "py" | "pyi" => Self::Python,
            "rs" => Self::Rust,
            "tsx" => Self::Tsx,
            "ts" | "mts" | "cts" => Self::TypeScript,
            _ => return None,
        })
    }

    /// Returns its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::Java => "Java",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Rust => "Rust",
            Self::Tsx | Self::TypeScript => "TypeScript",
        }
    }

    /// Returns its grammar.
    pub fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        }
    }

    /// Returns the scope's kind for people, if a node is a scope.
    pub fn scope_kind(self, node: &str) -> Option<&'static str> {
        Some(match (self, node) {
            (Self::Rust, "function_item")
            | (Self::Python, "function_definition")
            | (Self::Go, "function_declaration") => "function",
            (
                Self::JavaScript | Self::TypeScript | Self::Tsx,
                "function_declaration" | "generator_function_declaration",
            ) => "function",
            (Self::JavaScript | Self::TypeScript | Self::Tsx, "method_definition")
            | (Self::Go | Self::Java, "method_declaration") => "method",
            (Self::Java, "constructor_declaration") => "method",
            (Self::Rust, "impl_item") => "impl",
            (Self::Rust, "trait_item") => "trait",
            (Self::Rust, "struct_item" | "enum_item" | "union_item") | (Self::Go, "type_declaration") => "type",
            (Self::Rust, "mod_item") => "module",
            (Self::Rust, "macro_definition") => "macro",
            (Self::Python, "class_definition")
            | (Self::JavaScript | Self::TypeScript | Self::Tsx | Self::Java, "class_declaration") => "class",
            (Self::TypeScript | Self::Tsx | Self::Java, "interface_declaration") => "interface",
            (Self::TypeScript | Self::Tsx | Self::Java, "enum_declaration") | (Self::Java, "record_declaration") => {
                "type"
            }
            _ => return None,
        })
    }

    /// Returns true for an import.
    pub fn is_import(self, node: &str) -> bool {
        match self {
            Self::Go | Self::Java => node == "import_declaration",
            Self::JavaScript | Self::TypeScript | Self::Tsx => node == "import_statement",
            Self::Python => matches!(
                node,
                "import_statement" | "import_from_statement" | "future_import_statement"
            ),
            Self::Rust => matches!(node, "use_declaration" | "extern_crate_declaration"),
        }
    }
}
