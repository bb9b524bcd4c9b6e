//! Tests of the default places of data, and of the folders that are refused.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use holdfast_testkit::Repository;

use std::io;

use super::*;

fn private(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
}

fn surroundings(state_home: Option<&str>, home: Option<&str>) -> Surroundings {
    Surroundings {
        state_home: state_home.map(OsString::from),
        home: home.map(OsString::from),
        current: PathBuf::from("/"),
    }
}

#[test]
fn the_place_follows_the_xdg_specification() {
    for (state, home, expected) in [
        (Some("/state"), Some("/home/u"), Some("/state/holdfast/server")),
        (None, Some("/home/u"), Some("/home/u/.local/state/holdfast/server")),
        (Some(""), Some("/home/u"), Some("/home/u/.local/state/holdfast/server")),
        (
            Some("relative"),
            Some("/home/u"),
            Some("/home/u/.local/state/holdfast/server"),
        ),
        (None, None, None),
        (None, Some(""), None),
        (Some("state"), Some("home"), None),
    ] {
        let place = surroundings(state, home).server();
        match expected {
            Some(expected) => assert_eq!(place.unwrap(), Path::new(expected)),
            None => assert!(place.unwrap_err().message.contains("--data"), "{state:?} {home:?}"),
        }
    }
}

#[test]
fn each_work_tree_has_its_own_place_outside_of_itself() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path().canonicalize().unwrap();
    let places = surroundings(state.to_str(), None);
    let (one, other) = (
        places.of_tree(Path::new("/a/b")).unwrap(),
        places.of_tree(Path::new("/a/c")).unwrap(),
    );
    assert!(
        one != other && one.starts_with(state.join("holdfast/trees")),
        "{one:?} {other:?}"
    );
    assert_eq!(one, places.of_tree(Path::new("/a/b")).unwrap());
    let inside = places.of_tree(&state).unwrap_err().message;
    assert!(inside.contains("--data"), "{inside}");
}

#[test]
fn directories_that_others_may_control_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let case = |name: &str, make: &dyn Fn(&Path)| {
        let path = folder.join(name);
        private(&path);
        make(&path);
        path
    };
    let open_to = |mode: u32| move |path: &Path| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let elsewhere = case("elsewhere", &|_| ());
    let replaced_by_link = |path: &Path| {
        fs::remove_dir(path).unwrap();
        symlink(&elsewhere, path).unwrap();
    };
    let link = case("link", &replaced_by_link);
    let dangling = case("dangling", &|path| {
        fs::remove_dir(path).unwrap();
        symlink("nowhere", path).unwrap();
    });
    let file = folder.join("file");
    fs::write(&file, "x").unwrap();
    for (path, excerpt) in [
        (case("group-reads", &open_to(0o740)), "mode 0740"),
        (case("others-enter", &open_to(0o701)), "mode 0701"),
        (case("others-write", &open_to(0o722)), "mode 0722"),
        (link.clone(), "symbolic link"),
        (PathBuf::from(format!("{}/", link.display())), "symbolic link"),
        (link.join("."), "symbolic link"),
        (folder.join("elsewhere/../link"), "symbolic link"),
        (dangling, "symbolic link"),
        (file, "not a directory"),
        (
            case("database-link", &|path| {
                symlink("/etc/passwd", path.join("engine.sqlite")).unwrap()
            }),
            "neither",
        ),
        (
            case("artifacts-link", &|path| {
                symlink("/tmp", path.join("artifacts")).unwrap()
            }),
            "neither",
        ),
        (
            case("key-link", &|path| {
                symlink("/etc/passwd", path.join("marker.key")).unwrap()
            }),
            "neither",
        ),
        (
            case("deep-link", &|path| {
                private(&path.join("artifacts"));
                symlink("/tmp", path.join("artifacts/runs")).unwrap();
            }),
            "neither",
        ),
        (
            case("socket", &|path| {
                drop(std::os::unix::net::UnixListener::bind(path.join("lock")).unwrap())
            }),
            "neither",
        ),
    ] {
        for refusal in [find(&path).map(drop), find_or_create(&path).map(drop)] {
            let message = refusal.unwrap_err().message;
            assert!(
                message.contains(excerpt) && message.contains("--data"),
                "{}: {message}",
                path.display()
            );
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
    let fresh = folder.join("new/deep");
    assert_eq!(find(&fresh).unwrap(), None);
    assert_eq!(find_or_create(&fresh).unwrap(), fresh);
    assert_eq!(fresh.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(find_or_create(&folder.join("new/../new/deep")).unwrap(), fresh);
}

#[test]
fn another_users_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().canonicalize().unwrap().join("data");
    private(&data);
    fs::write(data.join("marker.key"), "x").unwrap();
    for path in [data.join("marker.key"), data.clone()] {
        match std::os::unix::fs::chown(&path, Some(65_534), None) {
            Ok(()) => {}
            // Only root may give files away.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return,
            Err(error) => panic!("{error}"),
        }
        let message = find(&data).unwrap_err().message;
        assert!(message.contains("another user"), "{message}");
    }
}

#[test]
fn tracked_directories_are_refused_and_untracked_ones_are_not() {
    let repository = Repository::new().unwrap();
    repository.write("src/a.rs", "fn a() {}\n").unwrap();
    repository.write(".holdfast/engine.sqlite", "planted").unwrap();
    repository.write("nested/.holdfast/marker.key", "planted").unwrap();
    repository.commit("all").unwrap();
    let root = repository.path().canonicalize().unwrap();
    let link = root
        .parent()
        .unwrap()
        .join(format!("{}-link", root.file_name().unwrap().to_str().unwrap()));
    symlink(&root, &link).unwrap();
    for base in [&root, &link] {
        for name in [
            ".holdfast",
            ".holdfast/",
            "nested/.holdfast",
            "nested",
            "src/../.holdfast",
            ".",
        ] {
            let path = base.join(name);
            let real = path.canonicalize().unwrap();
            private(&real);
            let message = find_or_create(&path).unwrap_err().message;
            let is_link = path.components().collect::<PathBuf>() == link;
            let excerpt = if is_link { "symbolic link" } else { "git tracks" };
            assert!(message.contains(excerpt), "{name}: {message}");
        }
        assert!(find_or_create(&base.join("untracked")).is_ok());
    }
    fs::remove_dir_all(root.join(".holdfast")).unwrap();
    let message = find_or_create(&root.join(".holdfast")).unwrap_err().message;
    assert!(
        message.contains("git tracks"),
        "deleted, but still in the index: {message}"
    );
    assert!(!root.join(".holdfast").exists(), "nothing is made");
    fs::remove_file(link).unwrap();
}
