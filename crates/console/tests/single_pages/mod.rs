//! Contents of single pages.

#[test]
fn a_pull_request_lists_its_findings_by_state() {
    let page = super::page("pull");
    let headings: Vec<&str> = page.all("h3").map(|heading| heading.text.as_str()).collect();
    assert_eq!(headings, ["Open 2", "Closed 1", "Dismissed 3", "Fixed 1", "Outdated 1"]);
    let rows: Vec<&str> = page.all("tr").map(|row| row.text.as_str()).collect();
    for (title, shown) in [
        ("The token is logged", "Dismissed by mira-holt: It is the id"),
        (
            "The timeout could be",
            "Dismissed by ines-mora with a thumbs-down on the comment",
        ),
        (
            "The error has no cause",
            "Dismissed by mira-holt, who left it out at the approval",
        ),
        ("The amount can be", "Fixed in 4f2a91c07be3"),
        ("The file is written", "(deleted)"),
    ] {
        let row = rows
            .iter()
            .find(|row| row.contains(title))
            .expect("the finding is listed");
        assert!(row.contains(shown), "{row}");
    }
    let comments = page
        .all("a")
        .filter_map(|link| link.get("href")?.split_once("/pull/482#discussion_r"));
    assert_eq!(comments.count(), 7, "one finding has no known comment");
    let long = super::page("pull-long");
    for cut in [
        "13 older runs not shown",
        "62 more findings not shown",
        "3 more findings not remembered",
    ] {
        assert!(long.all("p").any(|paragraph| paragraph.text.contains(cut)), "{cut}");
    }
}

#[test]
fn files_that_need_no_attention_are_folded_where_there_are_many() {
    let folded = |name| {
        let page = super::page(name);
        let details: Vec<usize> = page
            .all("details")
            .filter(|fold| fold.text.contains("sorted by outcome"))
            .map(|fold| fold.text.matches("src/ledger/part_").count())
            .collect();
        details
    };
    assert_eq!(folded("run-running"), Vec::<usize>::new());
    assert_eq!(folded("run-large"), [59]);
}

#[test]
fn the_page_of_a_run_in_progress_links_to_its_other_form() {
    for (name, link) in [
        ("run-running", Some("Stop refreshing")),
        ("run-large", Some("Refresh while")),
        ("run-published", None),
    ] {
        let page = super::page(name);
        let found = page
            .all("a")
            .map(|element| element.text.as_str())
            .find(|text| text.contains("efresh"));
        assert_eq!(found.is_some(), link.is_some(), "{name}");
        assert!(
            link.is_none_or(|link| found.is_some_and(|found| found.contains(link))),
            "{name}: {found:?}"
        );
    }
}
