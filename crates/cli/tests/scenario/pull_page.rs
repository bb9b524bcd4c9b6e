//! The console's page of a pull request, before and after a review is published, and that pages of running reviews
//! refresh themselves.

use holdfast_testkit::Script;

use crate::pull_request::minor;
use crate::serve::Served;

#[test]
fn a_pull_request_has_a_page_with_its_runs_and_findings() {
    let served = Served::start(Script::finding_each_file());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    let session = served.sign_in_with_key();
    let list = served.get("", &session).text().unwrap();
    let (_, link) = list.split_once("href=\"/pulls/").unwrap();
    let page = format!("pulls/{}", link.split('"').next().unwrap());
    assert!(page.ends_with("/12"), "{page}");
    assert_eq!(served.get(&page, "").status(), 401);
    let text = |path: &str| {
        let shown = served.get(path, &session);
        assert_eq!(
            (shown.status().as_u16(), shown.headers().get("refresh")),
            (200, None),
            "{path}"
        );
        shown.text().unwrap()
    };
    let waiting = text(&page);
    assert!(
        waiting.contains("Awaiting approval") && waiting.contains("No findings are remembered"),
        "{waiting}"
    );
    assert!(text(&format!("reviews/{run}")).contains(&format!("href=\"/{page}\"")));

    assert_eq!(served.decide(&run, &session, "approve"), 200);
    served.wait_for(&run, "published");
    let published = text(&page);
    for part in [
        "Published",
        "Open ",
        "src/file_0000.rs",
        &format!("href=\"/reviews/{run}\""),
    ] {
        assert!(published.contains(part), "{part}: {published}");
    }
    assert!(text("pulls/Octo/demo/12").contains("src/file_0000.rs"), "by name");
    for unknown in [
        "pulls/1/12",
        "pulls/x/12",
        "pulls/octo/demo/13",
        "pulls/octo/demo/x",
        "pulls/octo/a%2Fb/12",
    ] {
        let answer = served.get(unknown, &session);
        assert_eq!(answer.status(), 404, "{unknown}");
        assert!(answer.text().unwrap().contains("Pull request not found"), "{unknown}");
    }
}

#[test]
fn the_comments_of_findings_are_linked_from_the_first_run_on() {
    let served = Served::start(minor());
    let first = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&first, "published");
    let session = served.sign_in_with_key();
    let page = || served.get("pulls/octo/demo/12", &session).text().unwrap();
    assert_eq!(page().matches("/pull/12#discussion_r").count(), 4);
    let second = served.pushed();
    served.wait_for(&second, "published");
    let page = page();
    for part in [
        "Runs 2",
        "/pull/12#discussion_r",
        &format!("/reviews/{first}\""),
        &format!("/reviews/{second}\""),
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn the_page_of_a_running_review_refreshes_itself_until_the_reader_stops_it() {
    let served = Served::start(Script::hang());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "running");
    let session = served.sign_in_with_key();
    let page = format!("reviews/{run}");
    let refreshes = served.get(&page, &session);
    assert_eq!(refreshes.headers()["refresh"], "30");
    assert!(
        refreshes
            .text()
            .unwrap()
            .contains(&format!("href=\"/{page}?refresh=off\""))
    );
    let still = served.get(&format!("{page}?refresh=off"), &session);
    assert_eq!((still.status().as_u16(), still.headers().get("refresh")), (200, None));
}
