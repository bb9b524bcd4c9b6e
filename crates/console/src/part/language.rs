//! The highlighter's table of languages: comments, strings and words.

/// One language, or several that look alike.
pub struct Language {
    /// File extensions without the point; or a whole file name, for files without one.
    pub endings: &'static [&'static str],
    /// Marks that start a comment to the end of the line.
    pub line_comments: &'static [&'static str],
    /// Marks around a comment of several lines.
    pub block_comment: Option<(&'static str, &'static str)>,
    /// Strings; if one mark is a prefix of another, the longer one comes first.
    pub strings: &'static [Quote],
    /// Keywords, separated by blanks.
    pub keywords: &'static str,
    /// Types that start with a small letter, separated by blanks.
    pub types: &'static str,
    /// Syntax that only this language has.
    pub habit: Habit,
    /// Whether keywords ignore case.
    pub folds_case: bool,
}

/// The marks of a string.
pub struct Quote {
    /// The marks at its start and end.
    pub mark: &'static str,
    /// Whether it may span lines.
    pub is_long: bool,
    /// Whether a backslash escapes the next character.
    pub escapes: bool,
}

/// Syntax that only some languages have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Lifetimes, `macro!`, `r#"…"#`.
    Rust,
    /// `@name` before a declaration.
    Decorators,
    /// `#name` at the beginning of a line.
    Directives,
    /// `name:` or `name =` at the beginning of a line.
    Keys,
    /// Nothing.
    None,
}

/// Words for values in any language, separated by blanks.
pub const VALUES: &str = "true false null nil None True False undefined NaN NULL nullptr iota";

const fn short(mark: &'static str) -> Quote {
    Quote {
        mark,
        is_long: false,
        escapes: true,
    }
}

const fn long(mark: &'static str) -> Quote {
    Quote {
        mark,
        is_long: true,
        escapes: true,
    }
}

const fn verbatim(mark: &'static str) -> Quote {
    Quote {
        mark,
        is_long: true,
        escapes: false,
    }
}

const SLASHES: Option<(&str, &str)> = Some(("/*", "*/"));

/// All languages, by their extensions.
pub const LANGUAGES: &[Language] = &[
    Language {
        endings: &["rs"],
        line_comments: &["//"],
        block_comment: SLASHES,
        strings: &[long("\"")],
        keywords: "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod \
                   move mut pub ref return self Self static struct super trait type union unsafe use where while yield",
        types: "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize",
        habit: Habit::Rust,
        folds_case: false,
    },
    Language {
        endings: &["py", "pyi"],
        line_comments: &["#"],
        block_comment: None,
        strings: &[long("\"\"\""), long("'''"), short("\""), short("'")],
        keywords: "and as assert async await break case class continue def del elif else except finally for from global \
                   if import in is lambda match nonlocal not or pass raise return self try while with yield",
        types: "bool bytes dict float int list object set str tuple",
        habit: Habit::Decorators,
        folds_case: false,
    },
    Language {
        endings: &["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte"],
        line_comments: &["//"],
        block_comment: SLASHES,
        strings: &[long("`"), short("\""), short("'")],
        keywords: "abstract as async await break case catch class const continue debugger declare default delete do \
                   else enum export extends finally for from function get if implements import in instanceof interface \
                   keyof let namespace new of private protected public readonly return satisfies set static super \
                   switch this throw try type typeof var while with yield",
        types: "any bigint boolean never number object string symbol unknown void",
        habit: Habit::Decorators,
        folds_case: false,
    },
    Language {
        endings: &["go"],
        line_comments: &["//"],
        block_comment: SLASHES,
        strings: &[verbatim("`"), short("\""), short("'")],
        keywords: "break case chan const continue default defer else fallthrough for func go goto if import interface \
                   map package range return select struct switch type var",
        types: "any bool byte complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string uint \
                   uint8 uint16 uint32 uint64 uintptr",
        habit: Habit::None,
        folds_case: false,
    },
    Language {
        endings: &[
            "java", "kt", "kts", "scala", "groovy", "gradle", "cs", "swift", "dart", "php",
        ],
        line_comments: &["//"],
        block_comment: SLASHES,
        strings: &[long("\"\"\""), short("\""), short("'")],
        keywords: "abstract as assert async await break case catch class companion const continue data def default \
                   defer do else enum extends extension final finally for foreach fun func function guard if implements \
                   import in init instanceof interface internal is lazy let match namespace new object open operator \
                   out override package private protected protocol public record ref return sealed static struct super \
                   switch synchronized this throw throws trait try typealias using val var virtual volatile when where \
                   while with yield",
        types: "boolean bool byte char decimal double float int long short string uint void",
        habit: Habit::Decorators,
        folds_case: false,
    },
    Language {
        endings: &["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "m", "mm", "cu", "proto"],
        line_comments: &["//"],
        block_comment: SLASHES,
        strings: &[short("\""), short("'")],
        keywords: "alignas alignof auto break case catch class concept const constexpr continue decltype default delete \
                   do else enum explicit extern final for friend goto if import inline message mutable namespace new \
                   noexcept operator override package private protected public register return service sizeof static \
                   struct switch template this throw try typedef typename union using virtual volatile while",
        types: "bool char double float int int8_t int16_t int32_t int64_t long short signed size_t string uint8_t \
                   uint16_t uint32_t uint64_t unsigned void",
        habit: Habit::Directives,
        folds_case: false,
    },
    Language {
        endings: &["rb", "rake", "gemspec", "Gemfile", "Rakefile", "ex", "exs"],
        line_comments: &["#"],
        block_comment: None,
        strings: &[short("\""), short("'")],
        keywords: "alias and begin break case class def defmodule defp do else elsif end ensure fn for if in module \
                   next not or raise redo rescue return self super then unless until use when while with yield",
        types: "",
        habit: Habit::None,
        folds_case: false,
    },
    Language {
        endings: &["sh", "bash", "zsh", "Dockerfile", "Makefile", "mk", "tf", "hcl"],
        line_comments: &["#"],
        block_comment: None,
        strings: &[long("\""), verbatim("'")],
        keywords: "ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM RUN USER WORKDIR case data do done elif else esac export fi \
                   for function if in local locals module output provider resource return set then until variable while",
        types: "",
        habit: Habit::None,
        folds_case: false,
    },
    Language {
        endings: &["sql"],
        line_comments: &["--"],
        block_comment: SLASHES,
        strings: &[verbatim("'"), verbatim("\"")],
        keywords: "add all alter and as asc begin between by cascade case column commit constraint create cross default \
                   delete desc distinct drop else end exists foreign from full group having if in index inner insert \
                   into is join key left like limit not offset on or order outer primary references returning right \
                   rollback select set table then union unique update using values view when where with",
        types: "bigint boolean bytea char date decimal int integer json jsonb numeric real serial smallint text time \
                   timestamp timestamptz uuid varchar",
        habit: Habit::None,
        folds_case: true,
    },
    Language {
        endings: &["yml", "yaml", "toml", "ini", "conf", "properties", "lock"],
        line_comments: &["#"],
        block_comment: None,
        strings: &[long("\"\"\""), short("\""), short("'")],
        keywords: "",
        types: "",
        habit: Habit::Keys,
        folds_case: false,
    },
    Language {
        endings: &["json", "jsonc", "json5"],
        line_comments: &["//"],
        block_comment: SLASHES,
        strings: &[short("\"")],
        keywords: "",
        types: "",
        habit: Habit::None,
        folds_case: false,
    },
    Language {
        endings: &["css", "scss", "less"],
        line_comments: &[],
        block_comment: SLASHES,
        strings: &[short("\""), short("'")],
        keywords: "",
        types: "",
        habit: Habit::Decorators,
        folds_case: false,
    },
];

/// Returns the language of a path, by its extension or file name.
pub fn language_of(path: &str) -> Option<&'static Language> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let ending = file.rsplit_once('.').map_or(file, |(_, ending)| ending);
    LANGUAGES.iter().find(|language| language.endings.contains(&ending))
}
