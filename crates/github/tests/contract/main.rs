//! GitHub's contract: the adapter's requests and the fake's answers match GitHub's own description (npm's
//! `@octokit/openapi`, and for GraphQL `@octokit/graphql-schema`). `webhooks` checks webhooks.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stderr, reason = "prints how much was checked")]

mod description;
mod drive;
mod graphql;
mod schema;
mod sites;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use description::{Description, Exchange};

/// Every call in the adapter's sources: file, method, template. Each new call needs a row here and a step in `drive`.
const CALLS: [(&str, &str, &str); 51] = [
    ("alerts.rs", "GET", "/repos/{owner}/{repo}/code-scanning/analyses"),
    ("alerts.rs", "GET", "/repos/{owner}/{repo}/code-scanning/alerts"),
    ("alerts.rs", "GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}"),
    ("artifacts.rs", "GET", "/repos/{owner}/{repo}/actions/artifacts"),
    (
        "artifacts.rs",
        "GET",
        "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}",
    ),
    ("app_grants.rs", "GET", "/app"),
    ("check.rs", "POST", "/repos/{owner}/{repo}/check-runs"),
    ("check.rs", "POST", "/repos/{owner}/{repo}/check-runs"),
    ("check.rs", "GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs"),
    ("check.rs", "GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
    ("check.rs", "PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
    ("check.rs", "PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}"),
    ("classify.rs", "GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}"),
    ("classify.rs", "GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}"),
    ("own_login.rs", "GET", "/app"),
    ("own_login.rs", "GET", "/user"),
    ("token_report.rs", "GET", "/user"),
    ("connection.rs", "GET", "/repos/{owner}/{repo}/installation"),
    (
        "connection.rs",
        "POST",
        "/app/installations/{installation_id}/access_tokens",
    ),
    ("connection.rs", "GET", "/orgs/{org}/installation"),
    (
        "people.rs",
        "GET",
        "/repos/{owner}/{repo}/collaborators/{username}/permission",
    ),
    (
        "people.rs",
        "GET",
        "/orgs/{org}/teams/{team_slug}/memberships/{username}",
    ),
    ("deliveries.rs", "GET", "/app/hook/deliveries"),
    ("deliveries.rs", "POST", "/app/hook/deliveries/{delivery_id}/attempts"),
    ("manifest.rs", "POST", "/app-manifests/{code}/conversions"),
    ("sign_in.rs", "GET", "/user"),
    ("sign_in.rs", "POST", "/login/oauth/access_token"),
    ("files.rs", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files"),
    ("folders.rs", "GET", "/repos/{owner}/{repo}/contents/{path}"),
    ("folders.rs", "GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}"),
    ("pull.rs", "GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
    ("pull.rs", "POST", "/graphql"),
    ("blobs.rs", "POST", "/graphql"),
    ("blobs.rs", "GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}"),
    ("threads.rs", "POST", "/graphql"),
    ("inline.rs", "POST", "/graphql"),
    ("inline.rs", "POST", "/graphql"),
    (
        "inline.rs",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments",
    ),
    (
        "inline.rs",
        "PATCH",
        "/repos/{owner}/{repo}/pulls/comments/{comment_id}",
    ),
    ("read.rs", "GET", "/repos/{owner}/{repo}/pulls/{pull_number}"),
    ("read.rs", "GET", "/repos/{owner}/{repo}/compare/{basehead}"),
    (
        "comments.rs",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    ),
    (
        "comments.rs",
        "PATCH",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    ),
    (
        "bot_client.rs",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    ),
    (
        "bot_client.rs",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
    ),
    (
        "bot_client.rs",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    ),
    (
        "bot_client.rs",
        "DELETE",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    ),
    (
        "bot_client.rs",
        "DELETE",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
    ),
    ("review.rs", "POST", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"),
    (
        "review.rs",
        "POST",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events",
    ),
    (
        "review.rs",
        "GET",
        "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
    ),
];

/// Calls that the description leaves out: sign-in belongs to the web site, and GraphQL is another API.
const UNDESCRIBED: [(&str, &str); 2] = [("POST", "/login/oauth/access_token"), ("POST", "/graphql")];

/// Returns true for a GraphQL query that was answered.
fn is_query(exchange: &&Exchange) -> bool {
    exchange.entry.path == "/graphql" && exchange.entry.status == Some(200)
}

fn is_undescribed(exchange: &&Exchange) -> bool {
    let entry = &exchange.entry;
    UNDESCRIBED.contains(&(entry.method.as_str(), entry.path.as_str()))
}

#[tokio::test]
async fn every_request_and_every_answer_is_as_described() {
    let description = Description::load();
    let exchanges = drive::drive().await;
    for (method, path) in UNDESCRIBED {
        assert!(
            description.operation(method, path).is_err(),
            "{path} is described by now"
        );
    }
    let queries = || exchanges.iter().filter(is_query);
    assert!(queries().count() >= 12, "GraphQL is used");
    let problems: BTreeSet<String> = exchanges
        .iter()
        .filter(|exchange| !is_undescribed(exchange))
        .flat_map(|exchange| description.check(exchange))
        .chain(graphql::check(queries()))
        .collect();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        Vec::from_iter(problems).join("\n")
    );

    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for exchange in &exchanges {
        let entry = &exchange.entry;
        let template = match description.operation(&entry.method, &entry.path) {
            Ok(operation) => operation.template,
            Err(_) => &entry.path,
        };
        *seen.entry((entry.method.clone(), template.to_owned())).or_default() += 1;
    }
    let mut listed: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    for (file, method, template) in CALLS {
        *listed.entry((method.to_owned(), template.to_owned())).or_default() += 1;
        *files.entry(file.to_owned()).or_default() += 1;
    }
    // `bot_client` lists and deletes for `review` and `comments`, each in one place.
    files.insert("bot_client.rs".to_owned(), 2);
    assert!(
        seen.keys().eq(listed.keys()),
        "requested and listed calls differ: {seen:#?} {listed:#?}"
    );
    for (call, sites) in &listed {
        assert!(
            seen[call] >= *sites,
            "{call:?}: {sites} places, {} requests",
            seen[call]
        );
    }
    assert_eq!(
        sites::call_sites(),
        files,
        "the calls in the sources are those in CALLS, file by file"
    );
    eprintln!(
        "{} requests with their answers are as GitHub describes them: {} operations, {} places in the sources",
        exchanges.len(),
        seen.len(),
        CALLS.len()
    );
}

#[tokio::test]
async fn planted_faults_in_graphql_are_reported() {
    let exchanges = drive::drive().await;
    let with = |field: &str| {
        let is_it = |exchange: &&Exchange| {
            let query = exchange.entry.body["query"].as_str();
            is_query(exchange) && query.is_some_and(|query| query.contains(field))
        };
        exchanges.iter().find(is_it).unwrap().clone()
    };
    let in_query = |field: &str, other: &str| {
        let mut exchange = with(field);
        let query = exchange.entry.body["query"].as_str().unwrap().replace(field, other);
        exchange.entry.body["query"] = json!(query);
        exchange
    };
    let in_answer = |field: &str, change: fn(&mut Value)| {
        let mut exchange = with(field);
        answer(&mut exchange, change);
        exchange
    };
    let table = [
        (
            in_query("{mode size oid}", "{mode bytes oid}"),
            "Cannot query field \"bytes\"",
        ),
        (
            in_query("String!", "Int!"),
            "used in position expecting type \"String!\"",
        ),
        (
            in_query("$at:GitObjectID!", "$then:GitObjectID!"),
            "Variable \"$at\" is not defined",
        ),
        (in_query("...on Blob", "...on User"), "can never be of type \"User\""),
        (
            in_answer("{mode size oid}", |body| {
                body["data"]["repository"]["object"]["f0"]["oid"] = json!(null)
            }),
            "non-nullable field TreeEntry.oid",
        ),
        (
            in_answer("{mode size oid}", |body| {
                body["data"]["repository"]["object"]["f0"]["mode"] = json!("file")
            }),
            "Int cannot represent",
        ),
        (
            in_answer("{mode size oid}", |body| {
                body["data"]["repository"]["object"]["more"] = json!(1)
            }),
            "is not what was asked for",
        ),
        (
            in_query("isOutdated", "isOld"),
            "Cannot query field \"isOld\" on type \"PullRequestReviewThread\"",
        ),
        (
            in_query("classifier:RESOLVED", "classifier:FIXED"),
            "Value \"FIXED\" does not exist",
        ),
        (
            in_answer("reviewThreads", |body| {
                body["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"][0]["isResolved"] = json!(null)
            }),
            "non-nullable field PullRequestReviewThread.isResolved",
        ),
        (
            in_answer("{mode size oid}", |body| *body = json!({})),
            "neither data nor errors",
        ),
    ];
    for (exchange, report_part) in table {
        let report = graphql::check([&exchange]).join("\n");
        assert!(
            report.contains(report_part),
            "{report_part:?} is planted, reported: {report:?}"
        );
    }
}

/// A change of an exchange, and the problem that has to be reported.
struct Planted {
    method: &'static str,
    path_ends: &'static str,
    change: fn(&mut Exchange),
    report_part: &'static str,
}

fn planted(
    method: &'static str,
    path_ends: &'static str,
    report_part: &'static str,
    change: fn(&mut Exchange),
) -> Planted {
    Planted {
        method,
        path_ends,
        change,
        report_part,
    }
}

fn answer(exchange: &mut Exchange, change: impl FnOnce(&mut Value)) {
    let mut body: Value = serde_json::from_slice(&exchange.answer.body).unwrap();
    change(&mut body);
    exchange.answer.body = body.to_string().into_bytes().into();
}

#[tokio::test]
async fn planted_faults_are_reported() {
    let description = Description::load();
    let exchanges = drive::drive().await;
    let table = [
        planted("GET", "/files", "no such operation", |exchange| {
            exchange.entry.path.push_str("/all")
        }),
        planted("GET", "/files", "no such operation", |exchange| {
            "PATCH".clone_into(&mut exchange.entry.method)
        }),
        planted("GET", "/files", "parameter pages is not declared", |exchange| {
            exchange.entry.query.push(("pages".into(), "1".into()));
        }),
        planted("GET", "/files", "parameter per_page: ", |exchange| {
            "x".clone_into(&mut exchange.entry.query[0].1)
        }),
        planted("GET", "/check-runs", "parameter filter: ", |exchange| {
            "most".clone_into(&mut exchange.entry.query[1].1)
        }),
        planted("GET", "/pulls/12", "parameter pull_number: ", |exchange| {
            exchange.entry.path = exchange.entry.path.replace("12", "twelve");
        }),
        planted("GET", "/pulls/12", "a body is sent", |exchange| {
            exchange.entry.body = json!({})
        }),
        planted("POST", "/check-runs", "body is missing", |exchange| {
            exchange.entry.body = Value::Null
        }),
        planted("POST", "/check-runs", "\"name\"", |exchange| {
            exchange.entry.body.as_object_mut().unwrap().shift_remove("name");
        }),
        planted("POST", "/check-runs", "'colour'", |exchange| {
            exchange.entry.body["colour"] = json!("red")
        }),
        planted("POST", "/check-runs", "body: at \"/status\"", |exchange| {
            exchange.entry.body["status"] = json!("begun")
        }),
        planted("PATCH", "", "at \"/output/annotations/0/start_line\"", |exchange| {
            exchange.entry.body["output"]["annotations"][0]["start_line"] = json!("1");
        }),
        planted("POST", "/reviews", "'lines'", |exchange| {
            exchange.entry.body["comments"][0]["lines"] = json!([1, 2])
        }),
        planted("POST", "/reviews", "body: at \"/event\"", |exchange| {
            exchange.entry.body["event"] = json!("SHOUT")
        }),
        planted("GET", "/pulls/12", "answer 200: at \"\": \"merged\"", |exchange| {
            answer(exchange, |body| {
                drop(body.as_object_mut().unwrap().shift_remove("merged"))
            });
        }),
        planted("GET", "/pulls/12", "answer 200: at \"/changed_files\"", |exchange| {
            answer(exchange, |body| body["changed_files"] = json!(null));
        }),
        planted("GET", "/pulls/12", "answer 200: at \"/created_at\"", |exchange| {
            answer(exchange, |body| body["created_at"] = json!("yesterday"));
        }),
        planted("GET", "/pulls/12", "the status 206", |exchange| {
            exchange.entry.status = Some(206)
        }),
        planted("GET", "/pulls/12", "comes as text/html", |exchange| {
            exchange.answer.content_type = "text/html"
        }),
        planted("GET", "/pulls/12", "no answer", |exchange| exchange.entry.status = None),
    ];
    for Planted {
        method,
        path_ends,
        change,
        report_part,
    } in table
    {
        let is_it = |Exchange { entry, .. }: &&Exchange| {
            entry.method == method && entry.path.ends_with(path_ends) && entry.status.is_some_and(|status| status < 300)
        };
        let mut exchange = exchanges.iter().find(is_it).unwrap().clone();
        assert_eq!(description.check(&exchange), Vec::<String>::new());
        change(&mut exchange);
        let report = description.check(&exchange).join("\n");
        assert!(
            report.contains(report_part),
            "{method} …{path_ends}, {report_part:?} is planted, reported: {report:?}"
        );
    }
}
