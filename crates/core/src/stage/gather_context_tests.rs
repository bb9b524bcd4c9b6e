//! Limits and deadlines of GatherContext: each unit still gets a document, and its context notes the limit.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::executor::block_on;

use super::*;
use crate::model::change::{Change, FileStatus, Target};
use crate::model::finding::{Category, Severity};
use crate::model::plan::Tier;
use crate::model::run::GateMode;
use crate::model::run_name::RunName;
use crate::port::{ReadError, StoreError, SyntaxFinding, SyntaxLimit};
use crate::stage::{read_unit, write_change};

fn run_name() -> RunName {
    "r".parse().unwrap()
}

/// A store, files and a reader of syntax in one.
struct World {
    artifacts: Mutex<BTreeMap<String, Vec<u8>>>,
    content: &'static [u8],
    reads: Mutex<Vec<String>>,
    /// The number of files of each request.
    requests: Mutex<Vec<usize>>,
    /// The answer for a path.
    answer: fn(&str) -> SyntaxAnswer,
    views: Mutex<Vec<(String, String)>>,
    /// The time until the deadline; reading syntax takes its `elapsed` off.
    time_left: Mutex<Duration>,
}

impl Deadline for World {
    fn time_left(&self) -> Duration {
        *self.time_left.lock().unwrap()
    }
}

#[async_trait]
impl StoreArtifact for World {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.artifacts.lock().unwrap().insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.artifacts.lock().unwrap().get(key).cloned())
    }
}

#[async_trait]
impl ReadChange for World {
    async fn read_change(&self, _target: &Target) -> Result<Change, ReadError> {
        Err(ReadError::NotFound("not used by this test".to_owned()))
    }

    async fn read_file(&self, _target: &Target, _path: &str, _at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        Err(ReadError::NotFound("files are read together".to_owned()))
    }

    async fn read_files(
        &self,
        _target: &Target,
        paths: &[&str],
        _at: &CommitSha,
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        self.requests.lock().unwrap().push(paths.len());
        let mut reads = self.reads.lock().unwrap();
        reads.extend(paths.iter().map(|path| (*path).to_owned()));
        Ok(paths.iter().map(|_| Some(self.content.to_vec())).collect())
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        Ok(target.head().clone())
    }
}

#[async_trait]
impl SourceSyntax for World {
    async fn view(&self, path: &str, text: &str, _lines: &[u32]) -> SyntaxAnswer {
        self.views.lock().unwrap().push((path.to_owned(), text.to_owned()));
        let answer = (self.answer)(path);
        let mut time_left = self.time_left.lock().unwrap();
        *time_left = time_left.saturating_sub(answer.elapsed);
        answer
    }
}

/// Gathers the context of one unit for each path (a path that is listed twice has two units).
fn gather(
    paths: &[&str],
    kind: FileKind,
    content: &'static [u8],
    answer: fn(&str) -> SyntaxAnswer,
) -> (World, Vec<ContextPack>) {
    let world = planned(paths, kind, content, answer);
    let output = world.gather().unwrap();
    assert_eq!(output.packs, paths.len() as u64);
    let packs = (0..paths.len()).map(|number| world.context(number)).collect();
    (world, packs)
}

impl World {
    fn gather(&self) -> Result<Output, StageError> {
        let input = Input { run: run_name() };
        block_on(gather_context(&input, self, self, self, self))
    }

    /// Returns the context of the unit with this number.
    fn context(&self, number: usize) -> ContextPack {
        block_on(read_unit(&run_name(), &format!("u{number:04}"), self))
            .unwrap()
            .context
    }
}

/// Returns a run whose change has these paths and whose plan has a unit for each.
fn planned(paths: &[&str], kind: FileKind, content: &'static [u8], answer: fn(&str) -> SyntaxAnswer) -> World {
    let world = World {
        artifacts: Mutex::default(),
        content,
        reads: Mutex::default(),
        requests: Mutex::default(),
        answer,
        views: Mutex::default(),
        time_left: Mutex::new(Duration::MAX),
    };
    let sha = |digit: &str| CommitSha::parse(&digit.repeat(40)).unwrap();
    let run = Run {
        version: 1,
        run: run_name(),
        bucket: "artifacts".to_owned(),
        target: Target::WorkTree {
            path: "/tree".to_owned(),
            base: sha("a"),
            head: sha("b"),
            only: Vec::new(),
        },
        publish: false,
        max_concurrency: 1,
        model: "rules".parse().unwrap(),
        model_light: "rules".parse().unwrap(),
        notes: Vec::new(),
        tokens: crate::model::token_limits::TokenLimits::default(),
        gate: GateMode::default(),
        urgent: false,
        evidence: None,
    };
    let mut distinct = paths.to_vec();
    distinct.dedup();
    let files: Vec<ChangedFile> = distinct
        .iter()
        .map(|path| ChangedFile {
            path: (*path).to_owned(),
            previous_path: None,
            status: FileStatus::Modified,
            kind,
            additions: 1,
            deletions: 0,
            patch: Some("@@ -1 +1,2 @@\n a\n+b\n".to_owned()),
            omitted: None,
            secrets: Vec::new(),
        })
        .collect();
    let units = paths.iter().enumerate().map(|(index, path)| Unit {
        id: format!("u{index:04}"),
        path: (*path).to_owned(),
        hunks: vec![0],
        risk: 0,
        tier: Tier::Light,
        tier_reason: "risk 0, under 40".to_owned(),
    });
    let plan = Plan {
        units: units.collect(),
        settled: Vec::new(),
        notes: Vec::new(),
        findings: Vec::new(),
        tools: Vec::new(),
        silencing: crate::model::silencing::Silencing::default(),
        dependencies: Default::default(),
    };
    let change = Change {
        base: sha("a"),
        base_tip: None,
        is_branch_here: false,
        head: sha("b"),
        title: String::new(),
        description: String::new(),
        author: None,
        url: None,
        files_total: files.len() as u64,
        files,
        notes: Vec::new(),
    };
    block_on(async {
        write_artifact(&world, &key::run(&run_name()), &run).await.unwrap();
        write_change(&run_name(), &change, &world).await.unwrap();
        write_artifact(&world, &key::policy(&run_name()), &Policy::default())
            .await
            .unwrap();
        write_artifact(&world, &key::plan(&run_name()), &plan).await.unwrap();
    });
    world
}

fn seen(elapsed: Duration) -> SyntaxAnswer {
    SyntaxAnswer {
        view: Some(SyntaxView {
            imports: vec!["use a;".to_owned()],
            ..SyntaxView::default()
        }),
        limit: None,
        elapsed,
    }
}

#[test]
fn a_slow_file_costs_its_own_syntax_once_and_no_other_files() {
    let (world, packs) = gather(&["slow.java", "slow.java", "a.rs"], FileKind::Text, b"x", |path| {
        if path == "slow.java" {
            SyntaxAnswer {
                limit: Some(SyntaxLimit::TooSlow),
                elapsed: Duration::from_secs(2),
                ..SyntaxAnswer::default()
            }
        } else {
            seen(Duration::ZERO)
        }
    });
    let notes: Vec<Option<&str>> = packs.iter().map(|pack| pack.no_syntax.as_deref()).collect();
    assert_eq!(notes, [Some("no syntax: too slow"), Some("no syntax: too slow"), None]);
    assert_eq!(packs[2].imports, ["use a;"]);
    let views = world.views.lock().unwrap();
    assert_eq!(views.len(), 2, "a file is parsed once for all its units");
    assert_eq!(*world.reads.lock().unwrap(), ["slow.java", "a.rs"]);
}

#[test]
fn incomplete_rules_are_noted_and_their_findings_kept() {
    let (_, packs) = gather(&["a.rs"], FileKind::Text, b"x", |_| SyntaxAnswer {
        limit: Some(SyntaxLimit::TooManyMatches),
        ..seen(Duration::ZERO)
    });
    assert_eq!(packs[0].imports, ["use a;"]);
    assert_eq!(
        packs[0].no_syntax.as_deref(),
        Some("syntax rules incomplete: too many matches")
    );
}

#[test]
fn the_time_limit_of_a_change_ends_the_reading_of_syntax_and_not_the_review() {
    let (world, packs) = gather(&["a.rs", "b.rs", "c.rs", "d.rs"], FileKind::Text, b"x", |_| {
        seen(Duration::from_secs(31))
    });
    let noted = packs.iter().map(|pack| pack.no_syntax.is_some()).collect::<Vec<_>>();
    assert_eq!(noted, [false, false, true, true]);
    assert!(packs[2].no_syntax.as_deref().unwrap().contains("limit of time"));
    assert_eq!(world.views.lock().unwrap().len(), 2);
}

#[test]
fn a_byte_that_is_not_utf8_hides_no_syntax_and_lines_hold() {
    let (world, packs) = gather(&["a.py"], FileKind::Text, b"# caf\xe9\nx = 1\n\xff\xfe\n", |_| {
        seen(Duration::ZERO)
    });
    assert_eq!(packs[0].imports, ["use a;"]);
    let views = world.views.lock().unwrap();
    assert_eq!(views[0].1, "# caf\u{fffd}\nx = 1\n\u{fffd}\u{fffd}\n");
}

#[test]
fn a_links_text_is_no_source() {
    let (world, packs) = gather(&["a.py"], FileKind::Symlink, b"x", |_| seen(Duration::ZERO));
    assert!(packs[0].imports.is_empty() && packs[0].no_syntax.is_none());
    assert!(world.reads.lock().unwrap().is_empty(), "what it points to is not read");
}

#[test]
fn documents_of_an_earlier_attempt_are_kept_and_missing_ones_written() {
    let (world, packs) = gather(&["a.rs", "b.rs", "c.rs"], FileKind::Text, b"x", |_| {
        seen(Duration::ZERO)
    });
    let tokens: u64 = packs.iter().map(|pack| pack.tokens).sum();
    let again = || {
        world.reads.lock().unwrap().clear();
        let output = world.gather().unwrap();
        assert_eq!((output.packs, output.tokens), (3, tokens));
        world.reads.lock().unwrap().clone()
    };
    assert!(again().is_empty(), "nothing is missing");
    world.artifacts.lock().unwrap().remove(&key::unit(&run_name(), "u0001"));
    assert_eq!(again(), ["b.rs"]);
}

#[test]
fn a_units_payer_knows_whether_the_repository_can_wait() {
    for batch in [false, true] {
        let world = planned(&["a.rs"], FileKind::Text, b"x", |_| seen(Duration::ZERO));
        let policy = Policy::parse(&format!("batch: {batch}")).unwrap();
        block_on(write_artifact(&world, &key::policy(&run_name()), &policy)).unwrap();
        world.gather().unwrap();
        let unit = block_on(read_unit(&run_name(), "u0000", &world)).unwrap();
        assert_eq!(unit.payer.batch, batch);
    }
}

#[test]
fn a_change_of_many_files_is_gathered_chunk_by_chunk() {
    let paths: Vec<String> = (0..250).map(|number| format!("src/{number:03}.rs")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (world, packs) = gather(&paths, FileKind::Text, b"x", |_| seen(Duration::ZERO));
    assert!(packs.iter().all(|pack| pack.imports == ["use a;"]));
    assert_eq!(*world.requests.lock().unwrap(), [100, 100, 50]);
    let artifacts = world.artifacts.lock().unwrap();
    let patches = artifacts.keys().filter(|key| key.contains("/patches/")).count();
    assert_eq!(patches, 3, "a hundred files in each");
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("src/{number:03}.rs")).collect()
}

#[test]
fn near_the_deadline_documents_are_written_without_context() {
    let paths = numbered(104);
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let world = planned(&paths, FileKind::Text, b"x", |_| seen(Duration::from_secs(1)));
    *world.time_left.lock().unwrap() = WRITING_TIME + Duration::from_secs(2);
    assert_eq!(world.gather().unwrap().packs, 104);
    let gathered = (0..104).filter(|number| world.context(*number).no_syntax.is_none());
    assert_eq!(gathered.collect::<Vec<_>>(), [0, 1, 2]);
    let note = world.context(103).no_syntax.unwrap();
    assert_eq!(note, "no syntax: the time for GatherContext was running out");
    assert_eq!(
        *world.requests.lock().unwrap(),
        [100],
        "the last chunk's files are not read"
    );
}

#[test]
fn after_the_deadline_the_stage_fails_and_its_retry_writes_the_rest() {
    let paths = numbered(104);
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let world = planned(&paths, FileKind::Text, b"x", |_| seen(Duration::from_hours(1)));
    *world.time_left.lock().unwrap() = Duration::from_mins(2);
    let failure = world.gather().unwrap_err();
    assert_eq!(failure.name, ErrorName::StageTimedOut, "the workflow retries it");
    assert!(failure.message.contains("100 of 104"), "{}", failure.message);
    *world.time_left.lock().unwrap() = Duration::MAX;
    world.views.lock().unwrap().clear();
    assert_eq!(world.gather().unwrap().packs, 104);
    assert_eq!(
        *world.requests.lock().unwrap(),
        [100, 4],
        "what is written is not gathered again"
    );
    assert_eq!(world.context(100).imports, ["use a;"]);
}

#[test]
fn a_unit_gets_the_scopes_around_its_own_lines_only() {
    let scope = |name: &str, start_line, end_line| Scope {
        kind: "function".to_owned(),
        name: name.to_owned(),
        start_line,
        end_line,
        signature: format!("fn {name}()"),
    };
    let seen = SyntaxView {
        scopes: vec![scope("whole", 1, 90), scope("first", 2, 9), scope("second", 50, 60)],
        ..SyntaxView::default()
    };
    let hunks = parse_patch("@@ -5 +5,2 @@\n a\n+b\n@@ -60 +61,2 @@\n a\n+b\n").unwrap();
    let names = |hunk: usize| {
        let policy = Policy::default();
        let hunks = &hunks[hunk..=hunk];
        let silencer = Silencer::new("a.rs", hunks, Trust::All, policy.globs().unwrap());
        let pack = assemble(&silencer, hunks, &seen, Vec::new(), &BTreeMap::new(), 1_000);
        pack.scopes.into_iter().map(|scope| scope.name).collect::<Vec<_>>()
    };
    assert_eq!(names(0), ["whole", "first"]);
    assert_eq!(names(1), ["whole"]);
}

#[test]
fn a_silenced_finding_is_neither_reported_nor_claimed() {
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let patch = format!(
        "@@ -1 +1,4 @@\n a\n+b() // holdfast: ignore[unfinished-code] soon\n+c()\n+let t = \"{secret}\"; // gitleaks:allow\n"
    );
    let hunks = parse_patch(&patch).unwrap();
    let found = |line| SyntaxFinding {
        rule: "unfinished-code".to_owned(),
        severity: Severity::Medium,
        category: Category::Maintainability,
        start_line: line,
        end_line: line,
        title: "`todo!` in added code".to_owned(),
        body: String::new(),
        confidence: 0.9,
        cwe: None,
        suggestion: None,
    };
    let seen = SyntaxView {
        findings: vec![found(2), found(3)],
        ..SyntaxView::default()
    };
    let policy = Policy::default();
    let silencer = Silencer::new("a.rs", &hunks, Trust::All, policy.globs().unwrap());
    let pack = assemble(&silencer, &hunks, &seen, Vec::new(), &BTreeMap::new(), 1_000);
    let lines: Vec<u32> = pack.rule_findings.iter().map(|finding| finding.line).collect();
    assert_eq!((lines, pack.claims.len()), (vec![3], 1));
    assert!(pack.claims[0].starts_with("3 "), "{:?}", pack.claims);
    let silenced: Vec<_> = (pack.silencing.silenced.iter())
        .map(|silenced| (silenced.finding.line, silenced.word.as_str()))
        .collect();
    assert_eq!(silenced, [(2, "holdfast: ignore"), (4, "gitleaks:allow")]);
}
