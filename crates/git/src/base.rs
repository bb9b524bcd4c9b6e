//! Chooses the base of a review if none is given: the commit at which the head was branched, with the reason.

use gix::refs::Category;
use gix::remote::Direction;
use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;

use super::revision::{NoMergeBase, merge_base, parent_of};

/// Usual names of a repository's main branch, the likelier first.
const MAIN_BRANCHES: &[&str] = &["main", "master", "develop", "trunk", "dev"];

/// A base, with the reason for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub id: ObjectId,
    /// The phrase after "base COMMIT:".
    pub reason: String,
}

/// A branch from which the head may have been branched.
struct Candidate {
    /// Its usual name: `origin/main`.
    name: String,
    /// The reason for it: "which …", without the comma.
    why: String,
    id: ObjectId,
}

/// Chooses the base of a head: its merge base with the first of these branches that has one: the branch that the
/// environment names, the remote's default branch, the upstream, the nearest branch with a usual name. If there is none,
/// or the branch has every commit of the head, the base is the head's parent; for a first commit, the empty tree. With
/// uncommitted work to review it is then the head itself.
///
/// # Errors
///
/// A shallow clone lacks the merge base or the parent; a commit can't be read.
pub(super) fn choose_base(
    repository: &Repository,
    head: ObjectId,
    base_branch: Option<&str>,
    has_uncommitted: bool,
) -> Result<Base, ReadError> {
    let alone = |why: &str, aside: &str| match has_uncommitted {
        true => Ok(Base {
            id: head,
            reason: format!("the head, so only uncommitted work is reviewed: {why}{aside}; --base names another"),
        }),
        false => parent(repository, head, why, aside),
    };
    let mut aside = String::new();
    let known = [
        named(repository, base_branch, &mut aside),
        default_branch(repository),
        upstream(repository),
    ];
    for candidate in known.into_iter().flatten() {
        match common(repository, &candidate, head)? {
            Some(id) if id == head => return alone(&contained(&candidate), &aside),
            Some(id) => return Ok(with(&candidate, id, &aside)),
            None => aside.push_str(&format!("; {} has no commit in common with the head", candidate.name)),
        }
    }
    let mut nearest: Option<(Candidate, ObjectId)> = None;
    for candidate in usual(repository) {
        let Some(id) = common(repository, &candidate, head)? else {
            continue;
        };
        let is_nearer = nearest.as_ref().is_none_or(|(_, best)| {
            *best != id
                && repository
                    .merge_base(*best, id)
                    .is_ok_and(|common| common.is_some_and(|common| common.detach() == *best))
        });
        if is_nearer {
            nearest = Some((candidate, id));
        }
    }
    match nearest {
        Some((candidate, id)) if id == head => alone(&contained(&candidate), &aside),
        Some((candidate, id)) => Ok(with(&candidate, id, &aside)),
        None => {
            let why = format!(
                "no other branch to compare with was found (origin/HEAD, an upstream, {})",
                MAIN_BRANCHES.join(", ")
            );
            alone(&why, &aside)
        }
    }
}

fn with(candidate: &Candidate, id: ObjectId, aside: &str) -> Base {
    Base {
        id,
        reason: format!("the merge base with {}, {}{aside}", candidate.name, candidate.why),
    }
}

fn contained(candidate: &Candidate) -> String {
    format!("{}, {}, has every commit of the head", candidate.name, candidate.why)
}

/// Returns the head's first parent as the base, or the empty tree if the head is a first commit. `why` explains why no
/// branch gives a base.
fn parent(repository: &Repository, head: ObjectId, why: &str, aside: &str) -> Result<Base, ReadError> {
    Ok(match parent_of(repository, head)? {
        None => Base {
            id: ObjectId::empty_tree(repository.object_hash()),
            reason: format!("the empty tree, as the head is a first commit{aside}"),
        },
        Some(id) => Base {
            id,
            reason: format!(
                "the head's parent, so only its last commit is reviewed: {why}{aside}; --base names another"
            ),
        },
    })
}

/// Returns the merge base, if there is one.
fn common(repository: &Repository, candidate: &Candidate, head: ObjectId) -> Result<Option<ObjectId>, NoMergeBase> {
    match merge_base(repository, candidate.id, head, &candidate.name) {
        Ok(id) => Ok(Some(id)),
        Err(NoMergeBase::Unrelated(_)) => Ok(None),
        Err(shallow) => Err(shallow),
    }
}

/// Returns the branch that `GITHUB_BASE_REF` names: the pull request's base, in a workflow run.
fn named(repository: &Repository, branch: Option<&str>, aside: &mut String) -> Option<Candidate> {
    let branch = branch.filter(|branch| !branch.is_empty())?;
    let found = [format!("refs/remotes/origin/{branch}"), format!("refs/heads/{branch}")]
        .iter()
        .find_map(|name| candidate(repository, name, "which GITHUB_BASE_REF names".to_owned()));
    if found.is_none() {
        aside.push_str(&format!(
            "; GITHUB_BASE_REF names {branch:?}, which is not in this clone (git fetch origin)"
        ));
    }
    found
}

/// Returns the target of `origin/HEAD`, or of the HEAD of the remote that the branch follows.
fn default_branch(repository: &Repository) -> Option<Candidate> {
    let own = current_branch(repository)
        .and_then(|branch| {
            repository
                .config_snapshot()
                .string(format!("branch.{branch}.remote").as_str())
        })
        .map(|remote| remote.to_string());
    ["origin".to_owned()].into_iter().chain(own).find_map(|remote| {
        let head = repository
            .try_find_reference(format!("refs/remotes/{remote}/HEAD").as_str())
            .ok()??;
        let target = head.target().try_name().map(|name| name.as_bstr().to_string())?;
        candidate(
            repository,
            &target,
            format!("the default branch of {remote} ({remote}/HEAD)"),
        )
    })
}

/// Returns the upstream of the head's branch, unless it is the same branch on the remote.
fn upstream(repository: &Repository) -> Option<Candidate> {
    let branch = repository.head_name().ok()??;
    let upstream = repository
        .branch_remote_tracking_ref_name(branch.as_ref(), Direction::Fetch)?
        .ok()?;
    let (_, own) = branch.category_and_short_name()?;
    let (category, short) = upstream.category_and_short_name()?;
    let name = short.to_string();
    let is_same = match category {
        Category::RemoteBranch => name.split_once('/').is_some_and(|(_, name)| own == name),
        _ => own == name.as_str(),
    };
    if is_same {
        return None;
    }
    let why = format!("the upstream of the branch {own}");
    candidate(repository, &upstream.as_bstr().to_string(), why)
}

/// Returns the branches with usual names, remote and local ones. A branch that has such a name itself is compared only
/// with the remote's branch.
fn usual(repository: &Repository) -> Vec<Candidate> {
    let current = current_branch(repository);
    let is_usual = current.as_deref().is_some_and(|branch| MAIN_BRANCHES.contains(&branch));
    MAIN_BRANCHES
        .iter()
        .filter(|name| !is_usual || current.as_deref() == Some(**name))
        .flat_map(|name| {
            let remote = format!("refs/remotes/origin/{name}");
            let local = (!is_usual).then(|| format!("refs/heads/{name}"));
            [Some(remote), local]
        })
        .flatten()
        .filter_map(|name| candidate(repository, &name, "the nearest branch of a usual name".to_owned()))
        .collect()
}

fn current_branch(repository: &Repository) -> Option<String> {
    let name = repository.head_name().ok()??;
    Some(name.shorten().to_string())
}

fn candidate(repository: &Repository, reference: &str, why: String) -> Option<Candidate> {
    let id = repository
        .try_find_reference(reference)
        .ok()??
        .into_fully_peeled_id()
        .ok()?;
    let name = reference
        .strip_prefix("refs/remotes/")
        .or_else(|| reference.strip_prefix("refs/heads/"))
        .unwrap_or(reference);
    Some(Candidate {
        name: name.to_owned(),
        why,
        id: id.detach(),
    })
}
