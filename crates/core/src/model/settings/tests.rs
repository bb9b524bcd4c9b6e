//! Valid settings, and the report of all problems with invalid ones.
#![expect(clippy::unwrap_used, reason = "a failed read fails the test")]
use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsProblems> {
    Settings::read(&|name| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn defaults_need_nothing() {
    let settings = read(&[("HOLDFAST_MODEL", " ")]).unwrap();
    assert_eq!(
        (settings.model, settings.model_light, settings.max_concurrency),
        (ModelId::Rules, ModelId::Rules, 10)
    );
}

#[test]
fn every_problem_is_reported_together() {
    let problems = read(&[
        ("HOLDFAST_MODEL", "gpt"),
        ("HOLDFAST_MODEL_URL", "http://example.com"),
        ("HOLDFAST_MAX_CONCURRENCY", "0"),
        ("HOLDFAST_GITHUB_URL", "ftp://x"),
    ])
    .unwrap_err();
    assert_eq!(problems.0.len(), 4, "{problems}");
    for name in [
        "HOLDFAST_MODEL (",
        "HOLDFAST_MODEL_URL",
        "HOLDFAST_MAX_CONCURRENCY",
        "HOLDFAST_GITHUB_URL",
    ] {
        assert!(problems.to_string().contains(name), "{name}");
    }
}

#[test]
fn metrics_are_on_loopback_elsewhere_or_off() {
    for (text, expected) in [
        ("", Some("127.0.0.1:9464")),
        ("off", None),
        ("[::1]:0", Some("[::1]:0")),
        ("10.0.0.7:9464", Some("10.0.0.7:9464")),
    ] {
        let address = read(&[("HOLDFAST_METRICS_LISTEN", text)]).unwrap().metrics_listen;
        assert_eq!(
            address.map(|address| address.to_string()).as_deref(),
            expected,
            "{text}"
        );
    }
    for text in ["9464", "localhost:9464", "127.0.0.1", "127.0.0.1:65536", "OFF"] {
        let problems = read(&[("HOLDFAST_METRICS_LISTEN", text)]).unwrap_err().to_string();
        assert!(
            problems.contains(text) && problems.ends_with("127.0.0.1:9464, or off"),
            "{problems}"
        );
    }
}

#[test]
fn the_time_of_a_retry_is_a_duration_or_off() {
    let within = |text: &str| read(&[("HOLDFAST_RETRY_WITHIN", text)]).map(|settings| settings.retry_within_ms());
    for (text, expected) in [
        ("", Some(86_400_000)),
        ("90m", Some(5_400_000)),
        ("7d", Some(604_800_000)),
        ("off", None),
        ("0", None),
    ] {
        assert_eq!(within(text).unwrap(), expected, "{text}");
    }
    for text in ["8d", "0s", "24", "never"] {
        let problems = within(text).unwrap_err().to_string();
        assert!(
            problems.contains(text) && problems.contains("such as 90m or 24h"),
            "{problems}"
        );
    }
}

#[test]
fn a_fallback_is_of_another_provider() {
    let with = |fallback| {
        let (model, key) = (("HOLDFAST_MODEL", "openai/m"), ("OPENAI_API_KEY", "k"));
        problems(&[
            model,
            key,
            ("ANTHROPIC_API_KEY", "k"),
            ("HOLDFAST_MODEL_FALLBACK", fallback),
        ])
    };
    assert_eq!(with("anthropic/m"), [""; 0]);
    for fallback in ["openai/m", "openai/other"] {
        let [problem] = &with(fallback)[..] else {
            panic!("{fallback}");
        };
        assert!(
            problem.contains("HOLDFAST_MODEL_FALLBACK") && problem.contains("of another one"),
            "{problem}"
        );
    }
}

#[test]
fn a_limit_of_money_is_up_to_999_999_dollars_in_thousandths() {
    let limit = |text: &str| read(&[("HOLDFAST_SPEND_PER_RUN", text)]).map(|settings| settings.spend_per_run);
    assert_eq!(limit("0.001").unwrap(), Some(1_000_000));
    assert_eq!(limit("999999").unwrap(), Some(999_999_000_000_000));
    for text in ["0", "0.0001", "999999.001", "1000000", "-1"] {
        assert!(limit(text).unwrap_err().to_string().contains(text), "{text}");
    }
}

#[test]
fn the_first_calls_of_a_model_take_two_minutes_at_most() {
    assert_eq!(read(&[]).unwrap().model_timeout().as_secs(), 120);
}

#[test]
fn a_limit_of_money_without_a_known_price_is_reported_with_the_remedy() {
    let model = ("HOLDFAST_MODEL", "openai/mine");
    let server = ("HOLDFAST_MODEL_URL", "http://127.0.0.1:1");
    let limit = ("HOLDFAST_SPEND_PER_MONTH", "20");
    let lines = |settings: &[(&str, &str)]| read(settings).unwrap().limits_without_a_price();
    assert!(lines(&[limit]).is_empty(), "no model is called");
    assert!(lines(&[model, server]).is_empty(), "no limit is set");
    assert!(lines(&[model, server, limit, ("HOLDFAST_MODEL_PRICES", "openai/mine=1/2")]).is_empty());
    let warned = lines(&[model, server, limit, ("HOLDFAST_MODEL_LIGHT", "openai/small")]);
    assert_eq!(warned.len(), 2);
    for part in ["HOLDFAST_SPEND_PER_MONTH", "HOLDFAST_MODEL_PRICES=openai/mine=IN/OUT"] {
        assert!(warned[0].contains(part), "{warned:?}");
    }
}

#[test]
fn an_app_is_an_id_and_a_key() {
    let (id, file) = (
        ("HOLDFAST_GITHUB_APP_ID", "12"),
        ("HOLDFAST_GITHUB_APP_KEY_FILE", "app.pem"),
    );
    let app = read(&[id, file]).unwrap().github_app.unwrap();
    assert!(app.id == 12 && matches!(app.key, GithubAppKey::File(path) if path == "app.pem"));
    let text = read(&[id, file, ("HOLDFAST_GITHUB_APP_KEY", "-----BEGIN")]).unwrap();
    assert!(
        matches!(text.github_app.unwrap().key, GithubAppKey::Text(_)),
        "a secret counts first"
    );
    for (given, missing) in [
        (&[id][..], "HOLDFAST_GITHUB_APP_KEY_FILE"),
        (&[file], "HOLDFAST_GITHUB_APP_ID"),
        (&[("HOLDFAST_GITHUB_APP_ID", "x"), file], "HOLDFAST_GITHUB_APP_ID"),
    ] {
        assert!(read(given).unwrap_err().to_string().contains(missing), "{missing}");
    }
}

#[test]
fn sign_in_is_an_id_and_a_secret() {
    let (id, secret) = (
        ("HOLDFAST_GITHUB_APP_CLIENT_ID", "Iv1.1"),
        ("HOLDFAST_GITHUB_APP_CLIENT_SECRET", "very-secret"),
    );
    assert!(read(&[]).unwrap().github_sign_in.is_none());
    let settings = read(&[id, secret]).unwrap();
    assert!(!format!("{settings:?}").contains(secret.1), "secrets do not print");
    assert_eq!(settings.github_sign_in.unwrap().client_id, id.1);
    for (given, missing) in [(id, secret.0), (secret, id.0)] {
        let problems = read(&[given]).unwrap_err().to_string();
        assert!(
            problems.starts_with(missing) && !problems.contains(secret.1),
            "{problems}"
        );
    }
}

#[test]
fn a_provider_needs_its_key_unless_a_server_is_named() {
    for (settings, expected) in [
        (
            &[("HOLDFAST_MODEL", "anthropic/x")][..],
            "ANTHROPIC_API_KEY (environment): not set; HOLDFAST_MODEL names anthropic",
        ),
        (
            &[("HOLDFAST_MODEL", "bedrock/x"), ("HOLDFAST_MODEL_LIGHT", "openai/y")],
            "OPENAI_API_KEY (environment): not set; HOLDFAST_MODEL_LIGHT names openai",
        ),
    ] {
        let error = read(settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(
        read(&[
            ("HOLDFAST_MODEL", "openai/x"),
            ("HOLDFAST_MODEL_URL", "http://[::1]:1/v1")
        ])
        .is_ok()
    );
    assert!(
        read(&[
            ("HOLDFAST_MODEL", "openai/x"),
            ("HOLDFAST_MODEL_URL", "http://models.lan:8000/v1"),
            ("HOLDFAST_ALLOW_HTTP", "models.lan"),
        ])
        .is_ok()
    );
    let printed = format!(
        "{:?}",
        read(&[("HOLDFAST_MODEL", "openai/x"), ("OPENAI_API_KEY", "very-secret")]).unwrap()
    );
    assert!(!printed.contains("very-secret"), "secrets do not print");
    let lookup = |name: &str| (name == "HOLDFAST_MODEL").then(|| "anthropic/x".to_owned());
    assert!(
        Settings::read_without_keys(&lookup).is_ok(),
        "without a model no key is needed"
    );
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    problem_lines(read(pairs))
}

fn problem_lines(read: Result<Settings, SettingsProblems>) -> Vec<String> {
    let problems = read.err().map(|problems| problems.0).unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn settings_without_effect_or_that_fail_later_are_reported_at_the_start() {
    let model = ("HOLDFAST_MODEL", "openai/m");
    let key = ("OPENAI_API_KEY", "key");
    for (given, excerpt) in [
        (
            &[model, key, ("HOLDFAST_MODEL_LIGHT", "rules")][..],
            "HOLDFAST_MODEL_LIGHT",
        ),
        (&[("HOLDFAST_MODEL_LIGHT", "openai/m"), key], "HOLDFAST_MODEL_LIGHT"),
        (&[("HOLDFAST_MODEL_URL", "https://h.example")], "HOLDFAST_MODEL_URL"),
        (
            &[
                model,
                key,
                ("HOLDFAST_MODEL_URL", "http://models.lan"),
                ("HOLDFAST_ALLOW_HTTP", "other.lan"),
            ],
            "name the host in HOLDFAST_ALLOW_HTTP",
        ),
        (&[("HOLDFAST_ALLOW_HTTP", "http://models.lan")], "HOLDFAST_ALLOW_HTTP"),
        (&[("HOLDFAST_MODEL", "openai/a b"), key], "HOLDFAST_MODEL "),
        (&[("HOLDFAST_MODEL", "openai/"), key], "HOLDFAST_MODEL "),
        (&[("HOLDFAST_MODEL", "rules/x")], "HOLDFAST_MODEL "),
        (&[model, ("OPENAI_API_KEY", "a\nb")], "OPENAI_API_KEY"),
        (&[("GITHUB_TOKEN", "ghp_a b")], "GITHUB_TOKEN"),
        (&[("GITHUB_TOKEN", "gh\u{e9}")], "GITHUB_TOKEN"),
        (
            &[("HOLDFAST_GITHUB_URL", "https://github.com")],
            "https://api.github.com",
        ),
        (
            &[("HOLDFAST_GITHUB_URL", "https://www.github.com/")],
            "https://api.github.com",
        ),
        (&[("HOLDFAST_APPROVERS", "ada@example.org,grace")], "grace"),
        (&[("HOLDFAST_APPROVERS", "a@b@c")], "HOLDFAST_APPROVERS"),
        (
            &[("HOLDFAST_APPROVERS", "ada@example.org;grace@example.org")],
            "HOLDFAST_APPROVERS",
        ),
        (&[("HOLDFAST_MAIL_FROM", "holdfast")], "HOLDFAST_MAIL_FROM"),
        (&[("HOLDFAST_MAIL_FROM", "Holdfast <nobody>")], "HOLDFAST_MAIL_FROM"),
        (&[("HOLDFAST_SMTP_URL", "mail.example.org")], "HOLDFAST_SMTP_URL"),
        (
            &[("HOLDFAST_SMTP_URL", "https://mail.example.org")],
            "HOLDFAST_SMTP_URL",
        ),
        (
            &[("HOLDFAST_SMTP_URL", "smtp://u:secret@mail.example.org")],
            "HOLDFAST_SMTP_URL",
        ),
        (
            &[("HOLDFAST_SMTP_URL", "smtps://u:secret@mail.example.org/path")],
            "HOLDFAST_SMTP_URL",
        ),
        (
            &[("HOLDFAST_SMTP_URL", "smtps://u:secret@mail.example.org?tls=none")],
            "HOLDFAST_SMTP_URL",
        ),
        (
            &[("HOLDFAST_SMTP_URL", "smtps://u:secret@mail.example.org:0")],
            "HOLDFAST_SMTP_URL",
        ),
        (
            &[("HOLDFAST_PUBLIC_URL", "https://h.example/holdfast")],
            "HOLDFAST_PUBLIC_URL",
        ),
        (
            &[("HOLDFAST_PUBLIC_URL", "https://h.example/#a")],
            "HOLDFAST_PUBLIC_URL",
        ),
        (&[("HOLDFAST_WEBHOOK_SECRET", "short,")], "HOLDFAST_WEBHOOK_SECRET"),
    ] {
        let found = problems(given);
        assert!(found.len() == 1 && found[0].contains(excerpt), "{given:?}: {found:?}");
        assert!(
            !found[0].contains("secret@") && !found[0].contains("ghp_"),
            "no secrets: {found:?}"
        );
        assert_eq!(found[0].lines().count(), 1);
    }
    for given in [
        &[model, key, ("HOLDFAST_MODEL_LIGHT", "openai/small")][..],
        &[(
            "HOLDFAST_MODEL",
            "bedrock/arn:aws:bedrock:eu-west-1:1:inference-profile/x.y-z:0",
        )],
        &[("HOLDFAST_APPROVERS", " team@example.org , ada-l=ada@example.org,")],
        &[("HOLDFAST_MAIL_FROM", "Holdfast reviews <holdfast@example.org>")],
        &[
            ("HOLDFAST_SMTP_URL", "smtps://u:p@mail.example.org:465/"),
            ("HOLDFAST_PUBLIC_URL", "https://h.example/"),
        ],
        &[("HOLDFAST_GITHUB_URL", "https://github.example.org/api/v3")],
    ] {
        assert_eq!(problems(given), Vec::<String>::new(), "{given:?}");
    }
}

#[test]
fn further_checks_are_reported_with_the_others() {
    let wrong = |name: &str| (name == "HOLDFAST_MODEL").then(|| "gpt".to_owned());
    let more = |_: &Settings| {
        vec![
            SettingProblem::new("HOLDFAST_GITHUB_APP_KEY_FILE", "no such file"),
            SettingProblem::of_line(Some("HOLDFAST_GITHUB_APP_KEY_FILE"), "the App's key is invalid"),
            SettingProblem::of_line(Some("HOLDFAST_MODEL"), "the model gpt is unknown"),
            SettingProblem::of_line(None, "HOLDFAST_MODEL (environment): no single setting causes this"),
        ]
    };
    let found = problem_lines(Settings::read_and_check(&wrong, &more));
    assert_eq!(
        found.len(),
        3,
        "a setting is reported once, whatever the line's text: {found:?}"
    );
    assert!(
        found[1].ends_with("no such file") && found[2].ends_with("causes this"),
        "{found:?}"
    );
}

#[test]
fn approvers_are_people_with_a_way_to_decide() {
    let read = |list: &str| read(&[("HOLDFAST_APPROVERS", list)]);
    let settings = read("ada=ada@example.org, team@example.org").unwrap();
    assert_eq!(settings.approvers.len(), 2);
    let lines = settings.approvers_without_a_way();
    assert!(
        lines.len() == 1 && lines[0].contains("LOGIN=team@example.org"),
        "{lines:?}"
    );
    for (list, problems) in [
        ("ada", 1),
        ("ada=ada,b@", 2),
        ("ada=a@example.org,eve=A@example.org", 1),
        ("ada=a@example.org,ADA=b@example.org", 0),
    ] {
        let found = problem_lines(read(list));
        assert_eq!(found.len(), problems, "{list}: {found:?}");
        assert!(
            found.iter().all(|problem| problem.starts_with("HOLDFAST_APPROVERS (")),
            "{found:?}"
        );
    }
}

#[test]
fn token_limits_are_read_within_their_bounds() {
    let limits = |context: &str, output: &str| {
        read(&[
            ("HOLDFAST_MODEL_CONTEXT_TOKENS", context),
            ("HOLDFAST_MODEL_OUTPUT_TOKENS", output),
        ])
    };
    let settings = limits("8192", "").unwrap();
    assert_eq!(
        (settings.model_tokens.context, settings.model_tokens.output()),
        (Some(8_192), 2_048)
    );
    assert_eq!(limits("", "16000").unwrap().model_tokens.output(), 16_000);
    assert!(limits("", "").unwrap().model_tokens.is_default());
    assert!(limits("4000", "256").is_ok() && limits("100000000", "1000000").is_ok());
    for (context, output, names) in [
        ("3999", "255", 2),
        ("many", "-1", 2),
        ("100000001", "1000001", 2),
        ("8192", "4000", 1),
    ] {
        let problems = problem_lines(limits(context, output));
        assert_eq!(problems.len(), names, "{problems:?}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.contains("_TOKENS (environment): ")),
            "{problems:?}"
        );
    }
}

#[test]
fn a_waiting_caller_waits_minutes_for_github_and_others_hours() {
    for (value, others_s, caller_s) in [("", 21_600, 600), ("45m", 2_700, 2_700), ("7d", 604_800, 604_800)] {
        let settings = read(&[("HOLDFAST_GITHUB_PATIENCE", value)]).unwrap();
        assert_eq!(settings.github_patience().as_secs(), others_s, "{value:?}");
        let settings = settings.for_a_waiting_caller();
        assert_eq!(settings.github_patience().as_secs(), caller_s, "{value:?}");
    }
    for value in ["8d", "10", "0s"] {
        let problems = problem_lines(read(&[("HOLDFAST_GITHUB_PATIENCE", value)]));
        assert_eq!(problems.len(), 1, "{value:?}: {problems:?}");
    }
}

#[test]
fn batches_are_off_by_default_and_in_a_terminal_only_for_all_reviews() {
    for (value, others, caller) in [
        ("", ModelBatch::Off, ModelBatch::Off),
        ("off", ModelBatch::Off, ModelBatch::Off),
        ("marked", ModelBatch::Marked, ModelBatch::Off),
        ("all", ModelBatch::All, ModelBatch::All),
    ] {
        let settings = read(&[("HOLDFAST_MODEL_BATCH", value)]).unwrap();
        assert_eq!(settings.model_batch, others, "{value:?}");
        assert_eq!(settings.for_a_waiting_caller().model_batch, caller, "{value:?}");
    }
    let problems = problem_lines(read(&[("HOLDFAST_MODEL_BATCH", "on")]));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("off, marked or all"), "{problems:?}");
}
