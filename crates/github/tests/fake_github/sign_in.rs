//! Sign-in: the person behind a code, and the error of each failure.

use holdfast_core::model::settings::GithubSignInSettings;
use holdfast_core::port::{SignInError, SignInPeople};
use holdfast_github::GithubSignIn;
use holdfast_testkit::{FakeGithub, Fault, Matcher};
use url::Url;

use crate::refusals;

const VERIFIER: &str = "a-verifier-of-this-test-and-no-other-place-1";

fn back() -> Url {
    "https://holdfast.example/sign-in/back".parse().unwrap()
}

fn sign_in(github: &FakeGithub, client_id: &str, client_secret: &str) -> GithubSignIn {
    let settings = GithubSignInSettings {
        client_id: client_id.to_owned(),
        client_secret: client_secret.into(),
    };
    GithubSignIn::new(&settings, Some(format!("{}/api/v3", github.url()).parse().unwrap())).unwrap()
}

fn good(github: &FakeGithub) -> GithubSignIn {
    sign_in(github, FakeGithub::CLIENT_ID, FakeGithub::CLIENT_SECRET)
}

/// Returns the code with which the browser comes back.
fn code(github: &FakeGithub) -> String {
    let page = good(github).page("state", VERIFIER, &back());
    let came = github.authorize(&page).unwrap();
    let fields: Vec<(String, String)> = came.query_pairs().into_owned().collect();
    assert_eq!(fields[1], ("state".to_owned(), "state".to_owned()));
    fields[0].1.clone()
}

#[tokio::test]
async fn a_code_gives_the_persons_login() {
    let github = FakeGithub::start().unwrap();
    for login in ["ann", "bob"] {
        github.sign_in_as(Some(login));
        assert_eq!(
            good(&github)
                .person(&code(&github), VERIFIER, &back())
                .await
                .unwrap()
                .login,
            login
        );
    }
    let entries = github.journal().entries();
    let calls: Vec<(&str, Option<&str>)> = entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry.login.as_deref()))
        .collect();
    let (token, user) = ("/login/oauth/access_token", "/user");
    assert_eq!(
        calls,
        [(token, None), (user, Some("ann")), (token, None), (user, Some("bob"))]
    );
}

#[tokio::test]
async fn each_refusal_names_who_can_fix_it() {
    let github = FakeGithub::start().unwrap();
    let known = good(&github);
    let used = code(&github);
    known.person(&used, VERIFIER, &back()).await.unwrap();
    let elsewhere: Url = "https://elsewhere.example/".parse().unwrap();
    type Is = fn(&SignInError) -> bool;
    let is_refused: Is = |error| matches!(error, SignInError::Refused(_));
    let is_misconfigured: Is = |error| matches!(error, SignInError::Misconfigured(_));
    let wrong_secret = sign_in(&github, FakeGithub::CLIENT_ID, "another-secret");
    let table = [
        (&known, used, VERIFIER, back(), is_refused, "sign in again"),
        (
            &known,
            "invented".to_owned(),
            VERIFIER,
            back(),
            is_refused,
            "sign in again",
        ),
        (
            &known,
            code(&github),
            "another-verifier",
            back(),
            is_refused,
            "sign in again",
        ),
        (
            &known,
            code(&github),
            VERIFIER,
            elsewhere,
            is_misconfigured,
            "callback URLs",
        ),
        (
            &wrong_secret,
            code(&github),
            VERIFIER,
            back(),
            is_misconfigured,
            "HOLDFAST_GITHUB_APP_CLIENT_SECRET",
        ),
    ];
    for (sign_in, code, verifier, redirect, is_kind, text_part) in table {
        let error = sign_in.person(&code, verifier, &redirect).await.unwrap_err();
        assert!(is_kind(&error), "{error:?}");
        check_line(&error, text_part, &code);
    }
}

#[tokio::test]
async fn each_failure_of_both_calls_is_one_line() {
    let github = FakeGithub::start().unwrap();
    let known = good(&github);
    for path in ["/login/oauth/access_token", "/user"] {
        for (fault, _, text_part) in refusals() {
            let code = code(&github);
            github.fail_next(Matcher::path(path), fault.clone());
            let error = known.person(&code, VERIFIER, &back()).await.unwrap_err();
            let is_settings = matches!(fault, Fault::Status { status: 401, .. }) || fault == Fault::status(403);
            assert_eq!(
                matches!(error, SignInError::Misconfigured(_)),
                is_settings,
                "{path} {fault:?}: {error:?}"
            );
            check_line(&error, text_part, &code);
        }
        github.fail_next(Matcher::path(path), Fault::status(404));
        let error = known.person(&code(&github), VERIFIER, &back()).await.unwrap_err();
        assert!(matches!(error, SignInError::Misconfigured(_)), "{path}: {error:?}");
    }
    assert_eq!(github.faults_left(), 0);
}

fn check_line(error: &SignInError, text_part: &str, code: &str) {
    let line = format!("{error} {error:?}");
    assert!(line.contains(text_part) && !error.to_string().contains('\n'), "{line}");
    for secret in [FakeGithub::CLIENT_SECRET, "another-secret", "ghu_", VERIFIER, code] {
        assert!(!line.contains(secret), "{secret} stands in {line}");
    }
}
