//! Parses every page in its variants like a browser: well-formed, without script or inline styles, usable without
//! either, and immune to foreign text.
#![expect(clippy::expect_used, reason = "a page without a body fails the test")]

use std::sync::LazyLock;

use html5ever::driver::ParseOpts;
use html5ever::parse_document;
use html5ever::tendril::TendrilSink;
use html5ever::tree_builder::TreeBuilderOpts;
use markup5ever_rcdom::{Handle, NodeData, RcDom};

mod sample;
mod single_pages;

/// Every page, made once: making all of them takes longer than checking them.
static PAGES: LazyLock<Vec<(String, String)>> = LazyLock::new(sample::pages);

/// An element: its name, attributes and text, and whether a label contains it.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    label_around: bool,
}

impl Element {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

struct Page {
    name: &'static str,
    html: &'static str,
    errors: Vec<String>,
    elements: Vec<Element>,
}

impl Page {
    fn parse(name: &'static str, html: &'static str) -> Self {
        let options = ParseOpts {
            tree_builder: TreeBuilderOpts {
                exact_errors: true,
                ..TreeBuilderOpts::default()
            },
            ..ParseOpts::default()
        };
        let dom = parse_document(RcDom::default(), options).one(html);
        let mut elements = Vec::new();
        collect(&dom.document, false, &mut elements);
        let errors = dom.errors.borrow().iter().map(ToString::to_string).collect();
        Self {
            name,
            html,
            errors,
            elements,
        }
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }
}

fn collect(node: &Handle, in_label: bool, elements: &mut Vec<Element>) {
    let mut inside = in_label;
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let name = name.local.to_string();
        inside |= name == "label";
        let attributes = attrs.borrow();
        elements.push(Element {
            attributes: attributes
                .iter()
                .map(|found| (found.name.local.to_string(), found.value.to_string()))
                .collect(),
            text: text_of(node),
            label_around: in_label,
            name,
        });
    }
    for child in node.children.borrow().iter() {
        collect(child, inside, elements);
    }
}

fn text_of(node: &Handle) -> String {
    let own = match &node.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => String::new(),
    };
    node.children
        .borrow()
        .iter()
        .fold(own, |text, child| text + &text_of(child))
}

fn page(name: &str) -> Page {
    let (name, html) = PAGES
        .iter()
        .find(|(found, _)| found == name)
        .expect("the sample is there");
    Page::parse(name, html)
}

/// Checks a rule on every page; violations are listed with the page's name.
fn hold(rule: impl Fn(&Page) -> Vec<String>) {
    let broken: Vec<String> = PAGES
        .iter()
        .map(|(name, html)| Page::parse(name, html))
        .flat_map(|page| {
            rule(&page)
                .into_iter()
                .map(move |problem| format!("{}: {problem}", page.name))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_is_well_formed() {
    hold(|page| page.errors.clone());
}

#[test]
fn no_page_has_script_or_inline_styles() {
    const ABSENT: [&str; 12] = [
        "script",
        "style",
        "iframe",
        "object",
        "embed",
        "base",
        "audio",
        "video",
        "applet",
        "frame",
        "template",
        "foreignObject",
    ];
    hold(|page| {
        let elements = page
            .elements
            .iter()
            .filter(|element| ABSENT.contains(&element.name.as_str()));
        let attributes = page.elements.iter().flat_map(|element| {
            let bad = |name: &str| {
                name.starts_with("on") || ["style", "srcdoc", "formaction", "ping", "http-equiv"].contains(&name)
            };
            element
                .attributes
                .iter()
                .filter(move |(name, _)| bad(name))
                .map(|(name, _)| name.clone())
        });
        elements.map(|element| element.name.clone()).chain(attributes).collect()
    });
}

#[test]
fn resources_are_local_and_links_lead_to_pages() {
    hold(|page| {
        let mut problems = Vec::new();
        for element in &page.elements {
            for (name, value) in &element.attributes {
                let is_own = value.starts_with('/') && !value.starts_with("//");
                let is_fine = match (element.name.as_str(), name.as_str()) {
                    ("a", "href") => is_own || value.starts_with('#') || value.starts_with("https://github.com/"),
                    ("img", "src") => value.ends_with("/picture.svg"),
                    (_, "href" | "src" | "action") => is_own,
                    _ => true,
                };
                if !is_fine {
                    problems.push(format!("{} {name}={value:?}", element.name));
                }
            }
            if element.get("href").is_some_and(|href| href.starts_with("https:"))
                && element.get("rel") != Some("noreferrer noopener")
            {
                problems.push("a link to another site reveals the page that it is on".to_owned());
            }
        }
        problems
    });
}

#[test]
fn only_the_filter_is_a_get_form_and_every_post_has_its_nonce() {
    hold(|page| {
        let posts = page
            .all("form")
            .filter(|form| form.get("method") == Some("post"))
            .count();
        let gets: Vec<&Element> = page
            .all("form")
            .filter(|form| form.get("method") != Some("post"))
            .collect();
        let nonces = page
            .all("input")
            .filter(|input| {
                input.get("name") == Some("csrf") && input.get("value").is_some_and(|value| value.len() > 20)
            })
            .count();
        let mut problems = Vec::new();
        if nonces != posts {
            problems.push(format!("{posts} POST forms, {nonces} nonces"));
        }
        for form in gets {
            if form.get("role") != Some("search") || !page.name.starts_with("runs") {
                problems.push(format!("a form with the method {:?}", form.get("method")));
            }
        }
        problems
    });
}

#[test]
fn every_field_has_a_label_and_every_id_is_unique() {
    hold(|page| {
        let ids: Vec<&str> = page.elements.iter().filter_map(|element| element.get("id")).collect();
        let labels: Vec<&str> = page.all("label").filter_map(|label| label.get("for")).collect();
        let mut problems: Vec<String> = ids
            .iter()
            .enumerate()
            .filter(|(at, id)| ids[..*at].contains(id))
            .map(|(_, id)| format!("id {id} twice"))
            .collect();
        for element in &page.elements {
            let is_field = matches!(element.name.as_str(), "input" | "select" | "textarea")
                && element.get("type") != Some("hidden");
            let is_labelled = element.label_around || element.get("id").is_some_and(|id| labels.contains(&id));
            if is_field && !is_labelled {
                problems.push(format!("{} {:?} has no label", element.name, element.get("name")));
            }
            for name in ["for", "aria-labelledby", "aria-describedby", "form"] {
                let missing = element.get(name).filter(|id| !ids.contains(id));
                problems.extend(missing.map(|id| format!("{name}={id:?} leads nowhere")));
            }
            if matches!(element.name.as_str(), "a" | "button" | "summary" | "label") && element.text.trim().is_empty() {
                problems.push(format!("{} without words", element.name));
            }
        }
        problems
    });
}

#[test]
fn headings_start_at_one_and_skip_no_level() {
    hold(|page| {
        let levels: Vec<usize> = page
            .elements
            .iter()
            .filter_map(|element| {
                ["h1", "h2", "h3", "h4", "h5", "h6"]
                    .iter()
                    .position(|name| *name == element.name)
            })
            .collect();
        let mut problems = Vec::new();
        if levels.first() != Some(&0) || levels.iter().filter(|level| **level == 0).count() != 1 {
            problems.push(format!("levels are {levels:?}"));
        }
        problems.extend(
            levels
                .windows(2)
                .filter(|pair| pair[1] > pair[0] + 1)
                .map(|pair| format!("from h{} to h{}", pair[0] + 1, pair[1] + 1)),
        );
        if page
            .all("title")
            .next()
            .is_none_or(|title| !title.text.ends_with(" · Holdfast"))
            || page.all("main").count() != 1
        {
            problems.push("no title or no main".to_owned());
        }
        problems
    });
}

/// Returns the classes whose boxes lay out their parts in a row or a column without a gap.
fn gapless_flex_classes(css: &str) -> Vec<String> {
    let mut classes = Vec::new();
    for rule in css.split('}') {
        let Some((selectors, body)) = rule.rsplit_once('{') else {
            continue;
        };
        if !body.contains("display: flex") && !body.contains("display: inline-flex") || body.contains("gap:") {
            continue;
        }
        let selectors = selectors
            .rsplit("*/")
            .next()
            .unwrap_or_default()
            .split(',')
            .map(str::trim);
        classes.extend(selectors.filter_map(|selector| {
            let class = selector.strip_prefix('.')?;
            class
                .chars()
                .all(|char| char.is_alphanumeric() || char == '-')
                .then(|| class.to_owned())
        }));
    }
    classes
}

/// Finds texts in such boxes that lose a blank next to an element: "Sign in with" before a name is drawn as "Sign in
/// withName".
fn lost_blanks(node: &Handle, classes: &[String], found: &mut Vec<String>) {
    let children = node.children.borrow();
    if let NodeData::Element { attrs, .. } = &node.data
        && attrs.borrow().iter().any(|attribute| {
            &*attribute.name.local == "class"
                && attribute
                    .value
                    .split_whitespace()
                    .any(|class| classes.iter().any(|flex| flex == class))
        })
    {
        for pair in children.windows(2) {
            let texts = [&pair[0], &pair[1]].map(|child| match &child.data {
                NodeData::Text { contents } => Some(contents.borrow().to_string()),
                _ => None,
            });
            match texts {
                [Some(text), None] if text.ends_with(char::is_whitespace) => found.push(text),
                [None, Some(text)] if text.starts_with(char::is_whitespace) => found.push(text),
                _ => {}
            }
        }
    }
    for child in children.iter() {
        lost_blanks(child, classes, found);
    }
}

#[test]
fn no_button_loses_a_blank_between_words() {
    let classes = gapless_flex_classes(holdfast_console::STYLESHEET);
    assert!(classes.iter().any(|class| class == "button"), "{classes:?}");
    hold(|page| {
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(page.html);
        let mut found = Vec::new();
        lost_blanks(&dom.document, &classes, &mut found);
        found
    });
}

#[test]
fn no_page_contains_hidden_characters() {
    hold(|page| {
        let bad = |char: char| {
            matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{e0041}')
                || (char.is_control() && !matches!(char, '\n' | '\t'))
        };
        page.html
            .chars()
            .filter(|char| bad(*char))
            .take(3)
            .map(|char| format!("{char:?}"))
            .collect()
    });
}

#[test]
fn hidden_characters_are_marked_where_they_were() {
    for (name, html) in PAGES.iter() {
        let has_foreign_text = name.ends_with("-hostile");
        assert_eq!(html.contains("‹U+202E›"), has_foreign_text, "{name}");
    }
}

#[test]
fn huge_texts_are_cut() {
    const MAX_PAGE_BYTES: usize = 2_500_000;
    for (name, html) in PAGES.iter() {
        assert!(html.len() < MAX_PAGE_BYTES, "{name} has {} bytes", html.len());
        // A notice may have no long text; a name in the head is cut on every page.
        assert!(!name.ends_with("-huge") || html.contains("left out"), "{name}");
    }
}

#[test]
fn a_decision_is_bound_to_what_was_shown() {
    for (name, may_decide) in [
        ("approval", true),
        ("approval-code", true),
        ("approval-whole", true),
        ("approval-sign-in", false),
    ] {
        let page = page(name);
        let values = |field: &str| {
            page.all("input")
                .filter(|input| input.get("name") == Some(field))
                .count()
        };
        let both = if may_decide { 2 } else { 0 };
        for field in ["decision", "page_version", "head"] {
            assert_eq!(values(field), both, "{}: {field}", page.name);
        }
        assert_eq!(
            values("code"),
            if page.name == "approval-code" { 2 } else { 0 },
            "{}",
            page.name
        );
        let may_change = page.name != "approval-sign-in";
        assert_eq!(values("drop"), if may_change { 7 } else { 0 }, "{}", page.name);
        let bodies = page
            .all("textarea")
            .filter(|area| area.get("form") == Some("approve-form"))
            .count();
        assert_eq!(bodies, if may_change { 7 } else { 0 }, "{}", page.name);
        assert_eq!(page.all("article").count(), 7, "{}: every finding is shown", page.name);
    }
}

#[test]
fn a_folded_finding_is_listed_and_can_be_left_out_but_not_edited() {
    let page = page("approval-folded");
    let named = |element: &'static str, name: &str| {
        let all = page.all(element);
        all.filter(|field| field.get("name").is_some_and(|own| own.starts_with(name)))
            .count()
    };
    assert_eq!((page.all("article").count(), named("input", "drop")), (5, 7));
    assert_eq!((named("input", "title-"), named("textarea", "body-")), (5, 5));
    let form = page.all("form").count();
    assert!(form >= 2, "who is signed in decides");
    let operator = self::page("approval-operator");
    assert_eq!(
        operator
            .all("input")
            .filter(|input| input.get("name") == Some("decision"))
            .count(),
        0
    );
}

#[test]
fn an_unedited_text_is_sent_back_unchanged() {
    for (kind, say) in [
        ("approval", sample::plain as sample::Say),
        ("approval-hostile", sample::hostile),
    ] {
        let page = page(kind);
        let body = page
            .all("textarea")
            .find(|area| area.get("name") == Some("body-3"))
            .expect("its field is there");
        assert_eq!(body.text, holdfast_console::editable(&say("Remove the import.")));
        let title = page
            .all("input")
            .find(|input| input.get("name") == Some("title-3"))
            .and_then(|input| input.get("value"));
        let offered = holdfast_console::editable(&say("`createHash` is not used"));
        assert_eq!(title, Some(offered.replace(['\n', '\t'], " ").as_str()));
    }
}

#[test]
fn no_page_shows_a_secret() {
    let token = sample::token();
    let is_leaking = |page: &Page| page.name.ends_with("-leaking");
    assert!(PAGES.iter().filter(|(name, _)| name.ends_with("-leaking")).count() > 10);
    hold(|page| {
        // Links to this site contain run names and the reader's own search text.
        let is_shown = |name: &str, value: &str| !(name == "href" && value.starts_with('/'));
        let shown: Vec<&str> = page
            .elements
            .iter()
            .flat_map(|element| {
                let attributes = element.attributes.iter().filter(|(name, value)| is_shown(name, value));
                attributes
                    .map(|(_, value)| value.as_str())
                    .chain([element.text.as_str()])
            })
            .collect();
        // Twelve characters of every commit id are shown, whatever it contains.
        let mut parts = (0..token.len() - 16).map(|start| &token[start..start + 16]);
        let leaked = parts.find(|part| is_leaking(page) && shown.iter().any(|text| text.contains(part)));
        leaked
            .map(|part| format!("{part} of the token is on the page"))
            .into_iter()
            .collect()
    });
}
