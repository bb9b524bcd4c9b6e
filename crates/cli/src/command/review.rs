//! `holdfast review`: resolves the target, starts or resumes its run, follows it to its end or to a decision, and
//! prints it.

use std::path::Path;

use holdfast_core::model::change::Target;

use crate::cli::ReviewArgs;
use crate::command::follow;
use crate::exit::Exit;
use crate::output::{self, file};
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::review::{Review, ReviewRequest, ReviewRun};

/// Runs the command.
///
/// # Errors
/// A usage error, or the cause that kept the review from completing.
pub async fn run(args: &ReviewArgs) -> Result<Exit, Failure> {
    file::check(&args.print.output)?;
    let settings = machine::read_settings()?;
    machine::check_models(&settings)?;
    let request = ReviewRequest {
        target: &args.target,
        base: args.base.as_deref(),
        head: args.head.as_deref(),
        publish: args.publish,
    };
    let resolved = request.resolve(&settings).await?;
    let place = args.data.place();
    let directory = match &resolved.target {
        Target::WorkTree { .. } => place.for_tree(Path::new(&args.target))?,
        Target::PullRequest { .. } => place.for_server()?,
    };
    let data = directory.path.as_path();
    let review = Review {
        target: &resolved.target,
        publish: args.publish,
        settings: &settings,
    };
    let (engine, recovered) = machine::open_engine(data, &settings, review.reach()).await?;
    // A base from the command line needs no line: the report has it.
    if let Some(note) = resolved
        .base_note
        .as_deref()
        .filter(|_| args.base.is_none() && !args.print.quiet)
    {
        output::complain(note);
    }
    follow::report_recovery(&recovered, args.print.quiet);
    match review.start_or_resume(&engine, data, resolved.base_note).await {
        Ok(begun) => {
            let name = match begun {
                ReviewRun::Open(name) => name,
                ReviewRun::Published(name) => {
                    output::complain(&format!(
                        "run {name} has already published this review; nothing is posted again"
                    ));
                    name
                }
            };
            follow::to_its_end(engine, data, &name, &args.print).await
        }
        Err(failure) => {
            engine.shutdown().await;
            Err(failure)
        }
    }
}
