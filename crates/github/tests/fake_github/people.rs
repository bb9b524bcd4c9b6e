//! People's permissions, read with a person's token and as an App.

use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::port::{Permission, ReadPermission};
use holdfast_github::{GithubConnection, GithubReadPermission};
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest};

use crate::{SLUG, app, connection, refusals};

fn serve() -> FakeGithub {
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::by_hand(SLUG, 12, Vec::new()));
    github
}

fn connections(github: &FakeGithub) -> [GithubConnection; 2] {
    [connection(github, FakeGithub::USER_TOKEN), app(github, 1)]
}

#[tokio::test]
async fn every_role_is_read() {
    let github = serve();
    for connection in connections(&github) {
        let read = GithubReadPermission::new(connection);
        for (role, expected) in [
            ("admin", Permission::Admin),
            ("maintain", Permission::Maintain),
            ("write", Permission::Write),
            ("triage", Permission::Triage),
            ("read", Permission::Read),
            ("none", Permission::None),
            ("releaser", Permission::Write),
        ] {
            github.set_permission(SLUG, "ann", role);
            assert_eq!(
                read.permission(&repository("demo"), "ann").await.unwrap(),
                expected,
                "{role}"
            );
        }
        assert_eq!(
            read.permission(&repository("missing"), "ann").await.unwrap(),
            Permission::None
        );
    }
}

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new("octo", name).unwrap()
}

#[tokio::test]
async fn only_active_members_are_members() {
    let github = serve();
    for connection in connections(&github) {
        let read = GithubReadPermission::new(connection);
        for (state, expected) in [(None, false), (Some("pending"), false), (Some("active"), true)] {
            github.set_team_member("octo", "leads", "ann", state);
            assert_eq!(
                read.is_member(&"octo/leads".parse().unwrap(), "ann").await.unwrap(),
                expected,
                "{state:?}"
            );
        }
        for (team, login) in [("octo/leads", "bob"), ("octo/others", "ann"), ("x/leads", "ann")] {
            assert!(
                !read.is_member(&team.parse().unwrap(), login).await.unwrap(),
                "{team} {login}"
            );
        }
    }
}

#[tokio::test]
async fn a_failure_grants_nothing() {
    let github = serve();
    github.set_permission(SLUG, "ann", "admin");
    github.set_team_member("octo", "leads", "ann", Some("active"));
    let read = GithubReadPermission::new(connection(&github, FakeGithub::USER_TOKEN));
    for (fault, name, text_part) in refusals() {
        github.fail_next(Matcher::any().times(2), fault.clone());
        let role = read.permission(&repository("demo"), "ann").await.unwrap_err();
        let member = read.is_member(&"octo/leads".parse().unwrap(), "ann").await.unwrap_err();
        for error in [role, member] {
            let line = error.to_string();
            assert_eq!(error.name(), name, "{fault:?}: {line}");
            assert!(line.contains(text_part) && !line.contains('\n'), "{fault:?}: {line}");
            assert!(!line.contains(FakeGithub::USER_TOKEN), "no token in a message: {line}");
        }
    }
    github.fail_next(Matcher::any().times(2), Fault::status(404));
    assert_eq!(
        read.permission(&repository("demo"), "ann").await.unwrap(),
        Permission::None
    );
    assert!(!read.is_member(&"octo/leads".parse().unwrap(), "ann").await.unwrap());
    assert_eq!(github.faults_left(), 0);
}

#[tokio::test]
async fn an_app_requests_an_organisations_token_once() {
    let github = serve();
    let read = GithubReadPermission::new(app(&github, 1));
    for _ in 0..3 {
        assert!(!read.is_member(&"octo/leads".parse().unwrap(), "ann").await.unwrap());
        read.permission(&repository("demo"), "ann").await.unwrap();
    }
    let requests = github
        .journal()
        .matching(&Matcher::new("POST", "/app/installations/*/access_tokens"));
    assert_eq!(requests.len(), 2, "one for the organisation, one for the repository");
}
