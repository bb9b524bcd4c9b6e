//! A pull request over many pushes: each defect has one comment, whatever happens to its lines.

use holdfast_testkit::PullRequest;
use serde_json::Value;

use crate::pull_request::{Pull, SLUG, minor};

const FILES: usize = 40;

/// A step of the story, and the state after it.
#[derive(Debug)]
struct Row {
    step: String,
    comments: usize,
    reviews: usize,
    fixed: usize,
    model_calls: usize,
    verdict: String,
}

struct Story {
    pull: Pull,
    rows: Vec<Row>,
    asked: usize,
    summary: Option<u64>,
}

impl Story {
    /// Reviews the present head. The summary is always the same comment.
    fn review(&mut self, step: &str) -> &Row {
        let (_, document) = self.pull.publish();
        assert_eq!(document["status"], "published", "{step}: {document:#}");
        let asked = self.pull.scene.server().journal().calls().len();
        let comments = self.pull.github.issue_comments(SLUG, 12);
        assert_eq!(comments.len(), 1, "{step}: {comments:#?}");
        let id = comments[0]["id"].as_u64();
        assert_eq!(*self.summary.get_or_insert(id.unwrap()), id.unwrap(), "{step}");
        let body = comments[0]["body"].as_str().unwrap();
        let posted = self.pull.github.review_comments(SLUG, 12);
        let is_fixed = |comment: &&Value| comment["body"].as_str().unwrap().starts_with("**Fixed**");
        self.rows.push(Row {
            step: step.to_owned(),
            comments: posted.len(),
            reviews: self.pull.reviews().len(),
            fixed: posted.iter().filter(is_fixed).count(),
            model_calls: asked - self.asked,
            verdict: body
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("## Holdfast: ")
                .to_owned(),
        });
        self.asked = asked;
        self.rows.last().unwrap()
    }

    /// Commits the work tree's state and pushes it.
    fn push(&self) {
        let repository = &self.pull.scene.repository;
        let head = repository.commit("Change each function").unwrap();
        let change = PullRequest::from_git(repository.path(), &self.pull.base, &head, SLUG, 12).unwrap();
        self.pull.github.push(change).unwrap();
    }

    fn write(&self, file: usize, text: &str) {
        let path = format!("src/file_{file:04}.rs");
        self.pull.scene.repository.write(&path, text).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        self.pull.scene.repository.git(arguments).unwrap();
    }
}

#[test]
fn forty_findings_stay_forty_comments_over_pushes_a_rename_a_rebase_and_a_revert() {
    let mut story = Story {
        pull: Pull::with_settings(FILES, minor(), "comments: { max: 100 }\n"),
        rows: Vec::new(),
        asked: 0,
        summary: None,
    };
    let first = story.review("opened");
    assert_eq!((first.comments, first.reviews), (FILES, 1), "{first:?}");
    for file in 0..10 {
        // The finding's line moves down, or is edited.
        let factor = if file % 2 == 0 { 3 } else { 4 };
        let above = if file % 2 == 0 { "\n" } else { "" };
        story.write(
            file,
            &format!("{above}pub fn function_{file}(x: u64) -> u64 {{\n    x * {factor} + {file}\n}}\n"),
        );
        story.push();
        let row = story.review(&format!("push {}", file + 1));
        assert!(row.model_calls <= 2, "the changed file and the walkthrough: {row:?}");
    }
    story.git(&["mv", "src/file_0020.rs", "src/renamed.rs"]);
    story.push();
    let renamed = story.review("rename");
    assert!(renamed.model_calls <= 2, "{renamed:?}");
    // The same files on another history.
    story.git(&["reset", "--soft", &story.pull.base]);
    story.push();
    let rebased = story.review("rebase");
    assert_eq!(rebased.model_calls, 0, "{rebased:?}");
    // The change of one file is taken back: it leaves the diff.
    story.git(&["checkout", &story.pull.base, "--", "src/file_0030.rs"]);
    story.push();
    story.review("revert");

    for row in &story.rows[1..] {
        let open = if row.step == "revert" { FILES - 1 } else { FILES };
        let expected = format!("no new findings, {open} still open");
        assert!(row.verdict.starts_with(&expected), "{}: {}", row.step, row.verdict);
    }
    let last = story.rows.last().unwrap();
    assert_eq!(
        (last.comments, last.reviews, last.fixed),
        (FILES, 1, 0),
        "{:#?}",
        story.rows
    );
}
