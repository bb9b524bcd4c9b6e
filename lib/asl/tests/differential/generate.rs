//! Random expressions from one seed.

/// The input of generated expressions.
pub const INPUT: &str = r#"{
    "n": 3, "f": -2.5, "z": 0, "s": "b c", "e": "", "u": "é/?%", "t": true, "x": null, "list": [3, 1, 2, 2],
    "words": ["b", "a", "cc"], "none": [], "one": [7], "deep": [[1, 2], [3]], "mixed": [1, "1", true, null],
    "o": {"a": 1, "b": {"c": "d"}},
    "rows": [{"k": "a", "v": 1}, {"k": "b", "v": 5}, {"k": "a", "v": 3, "w": [1, 2]}]
}"#;

const LITERALS: [&str; 14] = [
    "0", "1", "2", "-3", "1.5", "10", "100", "''", "'a'", "'b c'", "'1'", "true", "false", "null",
];
const FIELDS: [&str; 18] = [
    "n", "f", "z", "s", "e", "u", "t", "x", "list", "words", "none", "one", "deep", "mixed", "o", "rows", "gone",
    "o.b.c",
];
const STEPS: [&str; 13] = [
    ".a",
    ".b",
    ".k",
    ".v",
    ".w",
    ".*",
    "[0]",
    "[-1]",
    "[7]",
    "[v > 1]",
    "[k = 'a']",
    "[$ > 1]",
    "[]",
];
const OPERATORS: [&str; 15] = [
    "+", "-", "*", "/", "%", "&", "=", "!=", "<", "<=", ">", ">=", "and", "or", "in",
];
const UNARY: [&str; 28] = [
    "string",
    "number",
    "boolean",
    "not",
    "exists",
    "count",
    "sum",
    "max",
    "min",
    "average",
    "length",
    "uppercase",
    "lowercase",
    "trim",
    "reverse",
    "distinct",
    "keys",
    "abs",
    "floor",
    "ceil",
    "round",
    "sort",
    "type",
    "merge",
    "encodeUrl",
    "encodeUrlComponent",
    "decodeUrl",
    "decodeUrlComponent",
];
const BINARY: [&str; 9] = [
    "append",
    "lookup",
    "substring",
    "split",
    "join",
    "substringBefore",
    "substringAfter",
    "zip",
    "power",
];

/// A small generator of numbers (xorshift).
pub struct Random(pub u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Returns an expression of this depth. `variable` is one that it may read.
    pub fn expression(&mut self, depth: u32, variable: Option<&str>) -> String {
        if depth == 0 {
            return match (variable, self.below(4)) {
                (Some(variable), 0 | 1) => variable.to_owned(),
                (_, 0 | 1) => self.pick(&LITERALS).to_owned(),
                _ => self.path(),
            };
        }
        let inner = |random: &mut Self| random.expression(depth - 1, variable);
        match self.below(16) {
            0 | 1 => {
                let (left, operator, right) = (inner(self), self.pick(&OPERATORS), inner(self));
                format!("({left} {operator} {right})")
            }
            2 | 3 => {
                let (name, argument) = (self.pick(&UNARY), inner(self));
                format!("${name}({argument})")
            }
            4 => {
                let (name, first, second) = (self.pick(&BINARY), inner(self), inner(self));
                format!("${name}({first}, {second})")
            }
            5 => format!("({} ? {} : {})", inner(self), inner(self), inner(self)),
            6 => format!("[{}, {}]", inner(self), inner(self)),
            7 => format!("{{'p': {}, 'q': {}}}", inner(self), inner(self)),
            8 => format!("({} ~> ${}())", inner(self), self.pick(&UNARY)),
            9 => format!("($v := {}; {})", inner(self), self.expression(depth - 1, Some("$v"))),
            10 => format!(
                "$map({}, function($v) {{ {} }})",
                inner(self),
                self.expression(depth - 1, Some("$v"))
            ),
            11 => format!(
                "$filter({}, function($v) {{ {} }})",
                inner(self),
                self.expression(depth - 1, Some("$v"))
            ),
            12 => format!(
                "$reduce({}, function($v, $w) {{ [$w, {}] }})",
                inner(self),
                self.expression(depth - 1, Some("$v"))
            ),
            13 => format!("[1..$count({})]", inner(self)),
            14 => format!("({}){}", inner(self), self.pick(&STEPS)),
            _ => format!("{}{}", self.path(), self.pick(&STEPS)),
        }
    }

    fn path(&mut self) -> String {
        format!("$states.input.{}", self.pick(&FIELDS))
    }
}
