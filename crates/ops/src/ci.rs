//! The CI system that runs this command, from its environment variables.

/// The variables of CI systems, each with the system's name. All systems set `CI`.
const SYSTEMS: [(&str, &str); 3] = [
    ("GITHUB_ACTIONS", "GitHub Actions"),
    ("GITLAB_CI", "GitLab CI"),
    ("CI", "CI"),
];

/// Returns the name of the CI system that runs this process; `None` outside of CI.
pub fn system() -> Option<&'static str> {
    named(&|name| std::env::var(name).ok())
}

fn named(lookup: &dyn Fn(&str) -> Option<String>) -> Option<&'static str> {
    let is_set = |name: &str| lookup(name).is_some_and(|value| !["", "0", "false"].contains(&value.trim()));
    SYSTEMS.iter().find(|(name, _)| is_set(name)).map(|(_, system)| *system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_named_by_its_variable() {
        let system = |pairs: &[(&str, &str)]| {
            named(&|name| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        for (pairs, expected) in [
            (&[][..], None),
            (&[("CI", "")][..], None),
            (&[("CI", "false")][..], None),
            (&[("CI", "1")][..], Some("CI")),
            (&[("CI", "true"), ("GITLAB_CI", "true")][..], Some("GitLab CI")),
            (
                &[("CI", "true"), ("GITHUB_ACTIONS", "true")][..],
                Some("GitHub Actions"),
            ),
        ] {
            assert_eq!(system(pairs), expected, "{pairs:?}");
        }
    }
}
