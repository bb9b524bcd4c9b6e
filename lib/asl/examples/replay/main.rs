//! Replays executions recorded on AWS against this engine, in virtual time, and compares the histories.
//! `cargo run --release -p holdfast-asl --example replay -- FILE.jsonl`: one line a case, then totals; the exit
//! status is 1 when any case is wrong. The form of a case is in `case`, its run in `run`, the comparison in `compare`.

mod case;
mod compare;
mod normal;
mod placeholder;
mod run;
mod verdict;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use verdict::{Totals, Verdict, judge};

fn main() -> ExitCode {
    match replay() {
        Ok(totals) if totals.wrong == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "replay: {problem}");
            ExitCode::from(2)
        }
    }
}

fn replay() -> Result<Totals, String> {
    let path = std::env::args().nth(1).ok_or("name a file of recorded executions")?;
    let file = std::fs::File::open(&path).map_err(|error| format!("{path}: {error}"))?;
    let mut totals = Totals::default();
    let mut out = io::stdout().lock();
    for (number, line) in (1..).zip(io::BufReader::new(file).lines()) {
        let line = line.map_err(|error| format!("{path}: {error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let (id, verdict) = match case::Case::parse(&line) {
            Ok(case) => (case.id.clone(), judge(&case)),
            Err(problem) => (format!("line {number}"), Verdict::Wrong(problem)),
        };
        totals.count(&verdict);
        writeln!(out, "{verdict:<12} {id}{}", verdict.detail()).map_err(|error| error.to_string())?;
    }
    writeln!(out, "{totals}").map_err(|error| error.to_string())?;
    Ok(totals)
}
