//! Tests of the help: its sections, and the settings that it names.

use std::cell::RefCell;
use std::collections::BTreeSet;

use clap::CommandFactory;
use holdfast_core::model::setting_name::SETTINGS;
use holdfast_core::model::settings::Settings;

use crate::cli::Cli;

fn helps() -> Vec<(String, String)> {
    let mut program = Cli::command();
    program.build();
    program
        .get_subcommands_mut()
        .filter(|command| command.get_name() != "help")
        .map(|command| (command.get_name().to_owned(), command.render_long_help().to_string()))
        .collect()
}

#[test]
fn every_command_has_examples_exit_statuses_and_environment() {
    let helps = helps();
    assert!(helps.len() > 10);
    for (name, help) in helps {
        for title in [
            "Examples:\n",
            "Exit status:\n",
            "Environment (docs/configuration.md):\n",
        ] {
            assert!(help.contains(title), "{name} has no {title:?}: {help}");
        }
        assert!(help.contains(&format!("holdfast {name}")), "{name}: no example of it");
    }
}

#[test]
fn every_line_of_the_sections_fits_a_terminal() {
    for (name, help) in helps() {
        let (_, sections) = help.split_once("Examples:\n").unwrap_or_default();
        for line in sections.lines() {
            assert!(line.chars().count() <= 90, "{name}: {line}");
        }
    }
}

/// Checks that the groups name exactly the variables that the code looks up.
#[test]
fn the_settings_of_a_command_are_those_that_the_code_reads() {
    let looked_up = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        looked_up.borrow_mut().insert(name.to_owned());
        None
    };
    assert!(Settings::read(&lookup).is_ok());
    let grouped: BTreeSet<String> = super::SETTINGS
        .iter()
        .chain([&super::METRICS, &super::RETRIES])
        .flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned()))
        .collect();
    assert_eq!(looked_up.into_inner(), grouped);
}

#[test]
fn every_setting_is_in_the_help_of_a_command() {
    let helps = helps();
    for name in SETTINGS {
        let is_listed = helps.iter().any(|(_, help)| {
            let (_, environment) = help.split_once("Environment (").unwrap_or_default();
            environment.split([' ', ',', '\n']).any(|word| word == *name)
        });
        assert!(is_listed, "no command's help lists {name}");
    }
}
