//! One writer at a time. `races` has concurrent writers.

use serde_json::json;

use super::*;

pub async fn a_write_needs_what_it_expects(world: &dyn World) {
    let (rows, key) = (world.open().await, "claim/1");
    let (absent, none) = (Precondition::Absent, Written::Conflict { found: None });
    assert_eq!(rows.get(key).await.unwrap(), None);
    for version in [0, 1, u64::MAX] {
        assert_eq!(
            rows.put(key, &n(0), Precondition::Version(version)).await.unwrap(),
            none
        );
    }
    assert_eq!(rows.get(key).await.unwrap(), None, "a refused write changes nothing");

    assert_eq!(rows.put(key, &n(1), absent).await.unwrap(), done(1));
    assert_eq!(rows.get(key).await.unwrap(), Some(row(1, &n(1))));
    assert_eq!(rows.put(key, &n(2), absent).await.unwrap(), conflict(1, &n(1)));
    assert_eq!(rows.put(key, &n(3), Precondition::Version(1)).await.unwrap(), done(2));
    for version in [0, 1, 3, 1 << 63, u64::MAX] {
        let written = rows.put(key, &n(4), Precondition::Version(version)).await.unwrap();
        assert_eq!(written, conflict(2, &n(3)), "version {version}");
    }
    assert_eq!(rows.get(key).await.unwrap(), Some(row(2, &n(3))));
}

pub async fn versions_grow_by_one(world: &dyn World) {
    let rows = world.open().await;
    assert_eq!(rows.put("a/1", &n(1), Precondition::Absent).await.unwrap(), done(1));
    for version in 1..20 {
        // Writing the same value counts as a write too.
        let written = rows.put("a/1", &n(1), Precondition::Version(version)).await.unwrap();
        assert_eq!(written, done(version + 1));
    }
    assert_eq!(
        rows.put("a/2", &n(1), Precondition::Absent).await.unwrap(),
        done(1),
        "each key counts alone"
    );
}

pub async fn only_the_named_version_is_deleted(world: &dyn World) {
    let (rows, key) = (world.open().await, "lease/1");
    assert_eq!(
        rows.delete(key, 7).await.unwrap(),
        done(7),
        "what is not there counts as deleted"
    );
    rows.put(key, &n(1), Precondition::Absent).await.unwrap();
    rows.put(key, &n(2), Precondition::Version(1)).await.unwrap();
    rows.put("lease/10", &n(3), Precondition::Absent).await.unwrap();
    for version in [0, 1, 3, u64::MAX] {
        assert_eq!(
            rows.delete(key, version).await.unwrap(),
            conflict(2, &n(2)),
            "version {version}"
        );
    }
    assert_eq!(rows.get(key).await.unwrap(), Some(row(2, &n(2))));
    assert_eq!(rows.delete(key, 2).await.unwrap(), done(2));
    assert_eq!(rows.delete(key, 2).await.unwrap(), done(2), "once more does no harm");
    assert_eq!(rows.get(key).await.unwrap(), None);
    assert_eq!(rows.get("lease/10").await.unwrap(), Some(row(1, &n(3))));
    let written = rows.put(key, &n(4), Precondition::Version(2)).await.unwrap();
    assert_eq!(written, Written::Conflict { found: None });
    assert_eq!(
        rows.put(key, &n(4), Precondition::Absent).await.unwrap(),
        done(1),
        "versions start anew"
    );
}

pub async fn lists_are_ordered_cut_and_bounded(world: &dyn World) {
    let rows = world.open().await;
    assert_eq!(rows.list("run/", 10).await.unwrap(), []);
    let names = [
        "b",
        "a",
        "a#2",
        "a#10",
        "a/1",
        "A",
        "é",
        "z",
        "~",
        "\u{1F600}",
        "\u{FFFD}",
        "aa",
    ];
    for (index, name) in (1..).zip(names) {
        rows.put(&format!("run/{name}"), &n(index), Precondition::Absent)
            .await
            .unwrap();
    }
    for other in ["ru/a", "run#/a", "run0/a", "runs/a", "rum/z"] {
        rows.put(other, &n(0), Precondition::Absent).await.unwrap();
    }
    let mut sorted: Vec<String> = names.iter().map(|name| format!("run/{name}")).collect();
    sorted.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    for prefix in [
        "run/",
        "run/a",
        "run/a#",
        "run/a/",
        "run/aa",
        "run/aaa",
        "run/\u{1F600}",
        "run/%",
        "run/_",
    ] {
        let expected: Vec<&String> = sorted.iter().filter(|key| key.starts_with(prefix)).collect();
        let listed = rows.list(prefix, 100).await.unwrap();
        assert_eq!(
            listed.iter().map(|(key, _)| key).collect::<Vec<_>>(),
            expected,
            "{prefix}"
        );
    }
    let all = rows.list("run/", 100).await.unwrap();
    for (key, listed) in &all {
        assert_eq!(rows.get(key).await.unwrap().as_ref(), Some(listed), "{key}");
    }
    for most in [0, 1, 5, names.len(), names.len() + 1, usize::MAX] {
        assert_eq!(
            rows.list("run/", most).await.unwrap(),
            all[..most.min(all.len())],
            "at most {most}"
        );
    }
}

pub async fn lists_go_beyond_a_megabyte(world: &dyn World) {
    let rows = world.open().await;
    let value = json!({ "text": "x".repeat(100_000) });
    for index in 0..25 {
        let written = rows
            .put(&format!("large/{index:02}"), &value, Precondition::Absent)
            .await
            .unwrap();
        assert_eq!(written, done(1));
    }
    let names = |listed: Vec<(String, Row)>| -> Vec<String> {
        assert!(listed.iter().all(|(_, row)| row.value == value));
        listed.into_iter().map(|(key, _)| key).collect()
    };
    let expected: Vec<String> = (0..25).map(|index| format!("large/{index:02}")).collect();
    assert_eq!(names(rows.list("large/", 100).await.unwrap()), expected);
    assert_eq!(names(rows.list("large/", 17).await.unwrap()), expected[..17]);
    assert_eq!(names(rows.list("large/1", 100).await.unwrap()), expected[10..20]);
}

pub async fn odd_keys_are_kept_apart(world: &dyn World) {
    let rows = world.open().await;
    let longest = format!("g/{}", "n".repeat(898));
    let wide = format!("g/{}", "\u{1F600}".repeat(224));
    let long_group = format!("{}/n", "g".repeat(898));
    let keys = [
        "approval/octo-demo-12-1#1",
        "approval/octo-demo-12-1#10",
        "a/b/c",
        "a/b//c",
        "a//",
        "a/ ",
        "a/%",
        "a/_",
        "a/é",
        "a/e\u{301}",
        "A/b/c",
        "ä#:/ß'\"; DROP TABLE rows;--",
        "a/\u{10FFFF}",
        ":pk/:expected",
        "#/#version",
        longest.as_str(),
        wide.as_str(),
        long_group.as_str(),
    ];
    for (index, key) in (1..).zip(keys) {
        assert_eq!(
            rows.put(key, &n(index), Precondition::Absent).await.unwrap(),
            done(1),
            "{key}"
        );
    }
    for (index, key) in (1..).zip(keys) {
        assert_eq!(rows.get(key).await.unwrap(), Some(row(1, &n(index))), "{key}");
        let listed = rows.list(key, 1).await.unwrap();
        assert_eq!(listed, [(key.to_owned(), row(1, &n(index)))], "{key}");
    }
}

pub async fn an_invalid_row_is_refused(world: &dyn World) {
    let rows = world.open().await;
    let long = format!("g/{}", "n".repeat(899));
    for key in ["", "/", "g", "g/", "/n", "g/a\0b", "g/a\nb", "g\u{85}/n", long.as_str()] {
        let put = rows.put(key, &n(1), Precondition::Absent).await.unwrap_err();
        let others = [rows.get(key).await.unwrap_err(), rows.delete(key, 1).await.unwrap_err()];
        for error in others.iter().chain([&put]) {
            assert!(error.detail.contains("invalid row key"), "{key:?}: {error}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }
    for prefix in ["", "g", "/", "/n"] {
        let error = rows.list(prefix, 1).await.unwrap_err();
        assert!(error.detail.contains("group"), "{prefix:?}: {error}");
    }
    for value in [json!(null), json!([]), json!("text"), json!(1)] {
        let error = rows.put("g/n", &value, Precondition::Absent).await.unwrap_err();
        assert!(error.detail.contains("object"), "{error}");
    }
    let largest = json!({ "text": "x".repeat(100 * 1024 - r#"{"text":""}"#.len()) });
    let larger = json!({ "text": "x".repeat(100 * 1024 + 1 - r#"{"text":""}"#.len()) });
    let error = rows.put("g/n", &larger, Precondition::Absent).await.unwrap_err();
    assert!(
        error.detail.contains("102401") && error.to_string().len() < 200,
        "{error}"
    );
    assert_eq!(rows.get("g/n").await.unwrap(), None);
    assert_eq!(rows.put("g/n", &largest, Precondition::Absent).await.unwrap(), done(1));
    assert_eq!(
        rows.put("g/n", &n(1), Precondition::Absent).await.unwrap(),
        conflict(1, &largest)
    );
    assert_eq!(rows.get("g/n").await.unwrap(), Some(row(1, &largest)));
}

pub async fn values_come_back_as_they_were(world: &dyn World) {
    let rows = world.open().await;
    let values = [
        json!({}),
        json!({ "": "", "empty": [], "null": null, "pk": "x", "sk": {}, "version": -1 }),
        json!({ "numbers": [0, -1, 1.5, u64::MAX, i64::MIN, 1e-300] }),
        json!({ "text": "\0\u{1}\"\\\r\n\u{2028}\u{FFFF}\u{1F600}é", "\n": { "deep": [[[{ "a": true }]]] } }),
    ];
    for (index, value) in values.iter().enumerate() {
        let key = format!("value/{index}");
        rows.put(&key, value, Precondition::Absent).await.unwrap();
        assert_eq!(rows.get(&key).await.unwrap(), Some(row(1, value)));
        assert_eq!(
            rows.put(&key, &n(0), Precondition::Absent).await.unwrap(),
            conflict(1, value)
        );
    }
}

pub async fn another_handle_sees_what_was_written(world: &dyn World) {
    let (first, second) = (world.open().await, world.open().await);
    for count in 1..=20 {
        let (writer, reader) = if count % 2 == 0 {
            (&first, &second)
        } else {
            (&second, &first)
        };
        let expect = if count == 1 {
            Precondition::Absent
        } else {
            Precondition::Version(count - 1)
        };
        assert_eq!(writer.put("shared/1", &n(count), expect).await.unwrap(), done(count));
        assert_eq!(reader.get("shared/1").await.unwrap(), Some(row(count, &n(count))));
        assert_eq!(reader.list("shared/", 9).await.unwrap().len(), 1);
    }
    drop((first, second));
    let anew = world.open().await;
    assert_eq!(anew.get("shared/1").await.unwrap(), Some(row(20, &n(20))));
    assert_eq!(anew.delete("shared/1", 20).await.unwrap(), done(20));
    drop(anew);
    assert_eq!(world.open().await.get("shared/1").await.unwrap(), None);
}
