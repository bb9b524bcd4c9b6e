//! Python: a shell command built from a value.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "shell-command",
    queries: &[(
        &[Language::Python],
        r#"(call function: (attribute object: (identifier) @module) arguments: (argument_list . [(identifier) (call) (binary_operator) (string (interpolation)) (attribute)] (keyword_argument name: (identifier) @key value: (true))) (#eq? @module "subprocess") (#eq? @key "shell")) @found
(call function: (attribute object: (identifier) @module attribute: (identifier) @name) arguments: (argument_list . [(identifier) (call) (binary_operator) (string (interpolation)) (attribute)]) (#eq? @module "os") (#any-of? @name "system" "popen")) @found"#,
    )],
    severity: Severity::High,
    category: Category::Security,
    confidence: 0.7,
    title: "Shell command is made from a value",
    body: "A value with a semicolon or a quote in it runs another command. Pass a list of arguments, without a shell.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn shell_command() {
        let bad = [
            ("a.py", "subprocess.run(f'ls {x}', shell=True)\n"),
            ("a.py", "os.system('rm ' + x)\n"),
            ("a.py", "subprocess.check_output(cmd, stderr=None, shell=True)\n"),
        ];
        let good = [
            ("a.py", "subprocess.run(['ls', x])\n"),
            ("a.py", "subprocess.run('ls', shell=True)\n"),
            ("a.py", "os.system('true')\n"),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
