//! Artifacts as files: hostile keys, atomic writes, errors that name the path.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use holdfast_core::model::key;
use holdfast_core::port::StoreArtifact;
use holdfast_stores::files::FilesStoreArtifact;

fn everything_below(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(everything_below(&path));
        }
        names.push(path.display().to_string());
    }
    names
}

#[tokio::test]
async fn a_stored_artifact_is_read_and_a_second_write_replaces_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = FilesStoreArtifact::new(dir.path().join("new/root"));
    let answer = key::answer(&"1-2-abc".parse().unwrap(), "src.main-rs", 3);
    assert_eq!(store.get(&answer).await.unwrap(), None);
    for bytes in [&b"first, which is long"[..], b"", b"\x00\xff"] {
        store.put(&answer, bytes).await.unwrap();
        assert_eq!(store.get(&answer).await.unwrap().as_deref(), Some(bytes));
    }
    let path = dir
        .path()
        .join("new/root/runs/1-2-abc/units/src.main-rs/attempt-3/answer.json");
    assert_eq!(std::fs::read(path).unwrap(), b"\x00\xff");
    assert!(
        everything_below(dir.path()).iter().all(|name| !name.contains("/.tmp-")),
        "nothing half-written stays"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    FilesStoreArtifact::new(dir.path().join("root"))
        .put("a/b", b"x")
        .await
        .unwrap();
    let mode = |path: &str| std::fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("root"), mode("root/a"), mode("root/a/b")), (0o700, 0o700, 0o600));
}

#[tokio::test]
async fn hostile_keys_are_refused_and_touch_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = FilesStoreArtifact::new(dir.path().join("root"));
    let (long_key, long_part) = ("a/".repeat(600) + "a", "a".repeat(256));
    for key in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "a/./b",
        ".",
        "a//b",
        "a/",
        "/a",
        "a\0b",
        "a\nb",
        "a\\..\\b",
        "C:x",
        ".tmp-abc",
        "a/.hidden",
        "\u{85}",
        &long_key,
        &long_part,
    ] {
        let error = store.put(key, b"x").await.expect_err(key);
        assert!(error.detail.contains("key"), "{key:?}: {error}");
        assert!(
            !error.to_string().contains('\n') && !error.to_string().contains('\0'),
            "{error:?}"
        );
        store.get(key).await.expect_err(key);
    }
    assert!(everything_below(dir.path()).is_empty());
    for key in ["a", "ä/b c", &"a".repeat(255), "runs/r/items.json", "a..b/c..", "--"] {
        store.put(key, b"x").await.expect(key);
        assert_eq!(store.get(key).await.unwrap().as_deref(), Some(&b"x"[..]), "{key}");
    }
}

#[tokio::test]
async fn errors_name_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let store = FilesStoreArtifact::new(dir.path());
    store.put("a", b"x").await.unwrap();
    store.put("d/e", b"x").await.unwrap();
    let below_a_file = dir.path().join("a").display().to_string();
    for error in [
        store.put("a/b", b"y").await.expect_err("put"),
        store.get("a/b").await.expect_err("get"),
    ] {
        assert_eq!(error.key, "a/b");
        assert!(error.detail.contains(&below_a_file), "{error}");
    }
    let directory = dir.path().join("d").display().to_string();
    for error in [
        store.put("d", b"y").await.expect_err("put"),
        store.get("d").await.expect_err("get"),
    ] {
        assert!(
            error.detail.contains(&directory) && error.detail.contains("directory"),
            "{error}"
        );
    }
    assert!(
        everything_below(dir.path()).iter().all(|name| !name.contains("/.tmp-")),
        "a failed write leaves nothing"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_that_allows_no_file_is_named() {
    // /proc has no new directories, not even for root.
    let error = FilesStoreArtifact::new("/proc/holdfast")
        .put("a", b"x")
        .await
        .expect_err("/proc");
    assert!(error.detail.contains("/proc/holdfast"), "{error}");
}

#[tokio::test]
async fn the_remains_of_a_killed_writer_are_invisible() {
    let dir = tempfile::tempdir().unwrap();
    let store = FilesStoreArtifact::new(dir.path());
    store.put("runs/r/plan.json", b"whole").await.unwrap();
    std::fs::write(dir.path().join("runs/r/.tmp-k1lled"), b"ha").unwrap();
    assert_eq!(
        store.get("runs/r/plan.json").await.unwrap().as_deref(),
        Some(&b"whole"[..])
    );
    store.get("runs/r/.tmp-k1lled").await.expect_err("no key");
    store.put("runs/r/plan.json", b"again").await.unwrap();
    assert_eq!(
        store.get("runs/r/plan.json").await.unwrap().as_deref(),
        Some(&b"again"[..])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_one_writers_whole_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(FilesStoreArtifact::new(dir.path()));
    store.put("deep/er/key", &vec![0; 50_000]).await.unwrap();
    let writers: Vec<_> = (0..4_u8)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..20 {
                    store.put("deep/er/key", &vec![number; 50_000]).await.unwrap();
                    store.put(&format!("other/{number}/key"), b"x").await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..100 {
        let bytes = store.get("deep/er/key").await.unwrap().expect("never gone");
        assert!(
            bytes.len() == 50_000 && bytes.iter().all(|byte| *byte == bytes[0]),
            "torn"
        );
    }
    for writer in writers {
        writer.await.unwrap();
    }
}
