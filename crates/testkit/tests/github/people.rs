//! Roles, teams, sign-in, and deliveries to the webhook.

use crate::client::{Client, SLUG, pull_request, start};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_testkit::FakeGithub;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

const BACK: &str = "https://holdfast.example/back";

/// Returns the App's own JWT, unsigned: the fake checks no signature.
fn proof() -> String {
    let claims = json!({ "iss": "1", "exp": jiff::Timestamp::now().as_second() + 60 });
    format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[tokio::test]
async fn a_role_is_also_reported_as_one_of_four_levels() {
    let github = start();
    let client = Client::new(&github);
    let asked = async |login: &str| {
        let told = client.get(&format!("/collaborators/{login}/permission")).await.1;
        (told["role_name"].clone(), told["permission"].clone())
    };
    for (role, permission) in [
        ("admin", "admin"),
        ("maintain", "write"),
        ("write", "write"),
        ("triage", "read"),
        ("read", "read"),
        ("none", "none"),
        ("releaser", "write"),
    ] {
        github.set_permission(SLUG, "Someone", role);
        assert_eq!(asked("someone").await, (json!(role), json!(permission)));
    }
    assert_eq!(asked("stranger").await.0, "read", "everyone reads what is public");
    let mut private = pull_request();
    private.is_private = true;
    github.add(private);
    assert_eq!(asked("stranger").await.0, "none");
}

#[tokio::test]
async fn a_team_has_members_and_people_who_are_invited() {
    let github = start();
    let client = Client::new(&github);
    let path = "//orgs/octo/teams/leads/memberships/ann";
    assert_eq!(client.get(path).await.0, 404);
    for state in ["pending", "active"] {
        github.set_team_member("octo", "leads", "ann", Some(state));
        assert_eq!(client.get(path).await.1["state"], state);
    }
    github.set_team_member("octo", "leads", "ann", None);
    assert_eq!(client.get(path).await.0, 404);
    let proof = proof();
    let app = Client::with(&github, Some(&proof));
    assert_eq!(app.get("//orgs/octo/installation").await.0, 200);
    assert_eq!(app.get("//orgs/elsewhere/installation").await.0, 404);
}

/// Returns the address of the sign-in page.
fn page(github: &FakeGithub, client_id: &str, verifier: &str) -> Url {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let fields = [
        ("client_id", client_id),
        ("redirect_uri", BACK),
        ("state", "s&1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    Url::parse_with_params(&format!("{}/login/oauth/authorize", github.url()), fields).unwrap()
}

fn field(address: &Url, name: &str) -> Option<String> {
    let mut fields = address.query_pairs();
    fields
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn a_person_is_sent_back_with_a_code_or_a_refusal() {
    let github = start();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("browser")
        .build()
        .unwrap();
    let there = page(&github, FakeGithub::CLIENT_ID, "v");
    let sent = client.get(there.clone()).send().await.unwrap();
    assert_eq!(sent.status(), 302);
    let back = Url::parse(sent.headers()["location"].to_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(BACK) && field(&back, "code").is_some());
    assert_eq!(field(&back, "state").as_deref(), Some("s&1"));
    assert_eq!(github.authorize(&page(&github, "another", "v")), None);
    github.sign_in_as(None);
    let refused = github.authorize(&there).unwrap();
    assert_eq!(field(&refused, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_code_is_valid_once_with_its_verifier() {
    let github = start();
    github.sign_in_as(Some("ann"));
    let nobody = Client::with(&github, None).accepting("application/json");
    let page = page(&github, FakeGithub::CLIENT_ID, "v");
    let code = || field(&github.authorize(&page).unwrap(), "code").unwrap();
    let asked = |code: &str, secret: &str, verifier: &str, back: &str| {
        json!({
            "client_id": FakeGithub::CLIENT_ID, "client_secret": secret, "code": code, "code_verifier": verifier,
            "redirect_uri": back,
        })
    };
    let secret = FakeGithub::CLIENT_SECRET;
    let used = code();
    let (status, given) = nobody
        .post("//login/oauth/access_token", asked(&used, secret, "v", BACK))
        .await;
    assert_eq!((status, &given["token_type"]), (200, &json!("bearer")));
    let token = given["access_token"].as_str().unwrap();
    let user = Client::with(&github, Some(token)).get("//user").await.1;
    assert_eq!(user["login"], "ann");
    for (body, error) in [
        (asked(&used, secret, "v", BACK), "bad_verification_code"),
        (asked(&code(), secret, "w", BACK), "bad_verification_code"),
        (asked(&code(), "wrong", "v", BACK), "incorrect_client_credentials"),
        (
            asked(&code(), secret, "v", "https://x.example"),
            "redirect_uri_mismatch",
        ),
    ] {
        let (status, refused) = nobody.post("//login/oauth/access_token", body).await;
        assert_eq!((status, &refused["error"]), (200, &json!(error)));
    }
}

#[tokio::test]
async fn a_token_is_also_requested_and_returned_as_a_form() {
    let github = start();
    let code = field(
        &github.authorize(&page(&github, FakeGithub::CLIENT_ID, "a b")).unwrap(),
        "code",
    )
    .unwrap();
    let (id, secret) = (FakeGithub::CLIENT_ID, FakeGithub::CLIENT_SECRET);
    let request = reqwest::Client::builder().user_agent("t").build().unwrap();
    let request = request.post(format!("{}/login/oauth/access_token", github.url()));
    let sent = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "client_id={id}&client_secret={secret}&code={code}&code_verifier=a+b"
        ));
    let text = sent.send().await.unwrap().text().await.unwrap();
    assert!(
        text.starts_with("access_token=ghu_") && text.ends_with("token_type=bearer"),
        "{text}"
    );
}

#[tokio::test]
async fn deliveries_are_paged_newest_first_and_sent_again() {
    let github = start();
    let guids: Vec<String> = (0..5)
        .map(|age| github.add_delivery("pull_request", 500, age * 86_400))
        .collect();
    let proof = proof();
    let app = Client::with(&github, Some(&proof));
    let mut seen: Vec<Value> = Vec::new();
    let mut path = "//app/hook/deliveries?per_page=2".to_owned();
    loop {
        let response = app.send("GET", &path, None).await.unwrap();
        let link = response
            .headers()
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        seen.extend(response.json::<Vec<Value>>().await.unwrap());
        let Some(link) = link else { break };
        let next = link
            .strip_prefix(&format!("<{}", github.url()))
            .and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
        path = format!("/{}", next.unwrap());
    }
    let order: Vec<&str> = seen.iter().map(|delivery| delivery["guid"].as_str().unwrap()).collect();
    assert_eq!(order, guids);
    let again = async |index: usize| {
        let path = format!("//app/hook/deliveries/{}/attempts", seen[index]["id"]);
        app.call("POST", &path, None).await
    };
    assert_eq!(again(1).await, (202, json!({})));
    assert_eq!(again(4).await.0, 422, "older than three days");
    assert_eq!(github.redelivered(), [guids[1].clone()]);
    let (_, page) = app.get("//app/hook/deliveries?per_page=1").await;
    assert_eq!(
        (&page[0]["guid"], &page[0]["redelivery"], &page[0]["status_code"]),
        (&json!(guids[1]), &json!(true), &json!(202))
    );
    assert_eq!(app.call("POST", "//app/hook/deliveries/1/attempts", None).await.0, 404);
    assert_eq!(Client::new(&github).get("//app/hook/deliveries").await.0, 401);
}
