//! The API's objects as JSON, with all fields that the published schema requires. Rules are not here.

use super::identity::{Identity, Kind};
use super::objects::Commit;
use super::pull_request::{ChangedFile, PullRequest};
use super::state::{CheckRun, IssueComment, Pull, Repo, Review, ReviewComment, State};
use serde_json::{Value, json};

/// Renders for one address of the API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Render<'a> {
    pub api: &'a str,
}

impl Render<'_> {
    pub fn account(self, login: &str, kind: &str) -> Value {
        let url = format!("{}/users/{}", self.api, encode(login));
        let html = match login.strip_suffix("[bot]") {
            Some(app) => format!("{}/apps/{app}", self.api),
            None => format!("{}/{login}", self.api),
        };
        json!({
            "login": login, "id": account_id(login), "node_id": format!("U_{}", account_id(login)),
            "avatar_url": format!("{}/avatars/{}", self.api, account_id(login)), "gravatar_id": "",
            "url": url, "html_url": html,
            "followers_url": format!("{url}/followers"), "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"), "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"),
            "type": kind, "site_admin": false, "user_view_type": "public",
        })
    }

    pub fn identity(self, identity: &Identity) -> Value {
        let kind = match identity.kind {
            Kind::User => "User",
            Kind::App => "Bot",
        };
        self.account(&identity.login, kind)
    }

    pub fn repository(self, slug: &str, default_branch: &str, is_private: bool, is_fork: bool) -> Value {
        let (owner, name) = slug.split_once('/').unwrap_or(("", slug));
        let url = format!("{}/repos/{slug}", self.api);
        let mut value = json!({
            "id": account_id(slug), "node_id": format!("R_{}", account_id(slug)), "name": name, "full_name": slug,
            "owner": self.account(owner, "Organization"), "private": is_private,
            "html_url": format!("{}/{slug}", self.api), "description": null, "fork": is_fork, "url": url,
            "git_url": format!("git://github.test/{slug}.git"), "ssh_url": format!("git@github.test:{slug}.git"),
            "clone_url": format!("{}/{slug}.git", self.api), "homepage": null, "mirror_url": null, "language": null,
            "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 1, "default_branch": default_branch,
            "open_issues_count": 0, "is_template": false, "topics": [], "has_issues": true, "has_projects": true,
            "has_wiki": true, "has_pages": false, "has_downloads": true, "has_discussions": false, "archived": false,
            "disabled": false, "visibility": if is_private { "private" } else { "public" },
            "pushed_at": "2024-01-01T00:00:00Z", "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-01T00:00:00Z", "license": null, "forks": 0, "open_issues": 0, "watchers": 0,
            "allow_forking": true, "web_commit_signoff_required": false,
        });
        for (field, path) in REPOSITORY_URLS {
            value[field] = json!(format!("{url}{path}"));
        }
        value
    }

    pub fn repo(self, repo: &Repo) -> Value {
        let mut value = self.repository(&repo.slug, &repo.default_branch, repo.is_private(), false);
        value["id"] = json!(repo.id);
        value["archived"] = json!(repo.is_archived);
        value
    }

    /// Renders an author's account: a bot's login ends in `[bot]`.
    pub fn opener(self, login: &str) -> Value {
        let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
        self.account(login, kind)
    }

    pub fn pull(self, repo: &Repo, pull: &Pull) -> Value {
        let change = &pull.change;
        let url = format!("{}/repos/{}/pulls/{}", self.api, repo.slug, change.number);
        let html = format!("{}/{}/pull/{}", self.api, repo.slug, change.number);
        let issue = format!("{}/repos/{}/issues/{}", self.api, repo.slug, change.number);
        let head_slug = change.fork.as_deref().unwrap_or(&repo.slug);
        let owner = |slug: &str| slug.split('/').next().unwrap_or_default().to_owned();
        let end = |slug: &str, branch: &str, sha: &str| {
            let is_fork = slug != repo.slug;
            let mut repository = self.repository(slug, &repo.default_branch, change.is_private, is_fork);
            if !is_fork {
                repository["id"] = json!(repo.id);
            }
            json!({
                "label": format!("{}:{branch}", owner(slug)), "ref": branch, "sha": sha,
                "user": self.account(&owner(slug), "User"),
                "repo": repository,
            })
        };
        let review_comment = format!("{}/repos/{}/pulls/comments{{/number}}", self.api, repo.slug);
        let statuses = format!("{}/repos/{}/statuses/{}", self.api, repo.slug, change.head_sha);
        let links = [
            ("self", url.clone()),
            ("html", html.clone()),
            ("issue", issue.clone()),
            ("comments", format!("{issue}/comments")),
            ("review_comments", format!("{url}/comments")),
            ("review_comment", review_comment.clone()),
            ("commits", format!("{url}/commits")),
            ("statuses", statuses.clone()),
        ];
        let links: Value = links
            .map(|(name, href)| (name, json!({ "href": href })))
            .into_iter()
            .collect();
        let sum = |count: fn(&ChangedFile) -> u64| change.files.iter().map(count).sum::<u64>();
        json!({
            "id": account_id(&url), "node_id": format!("PR_{}", account_id(&url)), "number": change.number, "url": url,
            "html_url": html, "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
            "issue_url": issue, "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
            "review_comment_url": review_comment, "comments_url": format!("{issue}/comments"),
            "statuses_url": statuses,
            "state": if change.is_open { "open" } else { "closed" }, "locked": repo.locked.contains(&change.number), "title": change.title,
            "user": self.opener(&change.author), "body": change.body, "labels": [], "milestone": null,
            "active_lock_reason": null, "created_at": pull.created_at, "updated_at": pull.updated_at,
            "closed_at": if change.is_open { Value::Null } else { json!(pull.updated_at) }, "merged_at": null,
            "merge_commit_sha": null, "assignee": null, "assignees": [], "requested_reviewers": [],
            "requested_teams": [], "draft": change.is_draft,
            "head": end(head_slug, &change.head_ref, &change.head_sha),
            "base": end(&repo.slug, &change.base_ref, &change.base_sha),
            "_links": links,
            "author_association": change.author_association, "auto_merge": null, "merged": false, "mergeable": true,
            "rebaseable": true, "mergeable_state": if change.is_draft { "draft" } else { "clean" }, "merged_by": null,
            "comments": repo.issue_comments.values().filter(|comment| comment.issue == change.number).count(),
            "review_comments": pull.comments.len(), "maintainer_can_modify": false,
            "commits": change.commits.len(), "additions": sum(|file| file.additions),
            "deletions": sum(|file| file.deletions), "changed_files": change.files.len(),
        })
    }

    /// Renders a file of the list. `is_cut`: beyond the lines that GitHub diffs in one answer, a file has no counts and
    /// no patch, and nothing marks it.
    pub fn file(self, change: &PullRequest, file: &ChangedFile, is_cut: bool) -> Value {
        let path = encode(&file.filename);
        let commit = if file.status == "removed" {
            &change.base_sha
        } else {
            &change.head_sha
        };
        let html = format!("{}/{}", self.api, change.slug);
        let (additions, deletions) = if is_cut {
            (0, 0)
        } else {
            (file.additions, file.deletions)
        };
        let mut value = json!({
            "sha": file.sha, "filename": file.filename, "status": file.status, "additions": additions,
            "deletions": deletions, "changes": additions + deletions, "blob_url": format!("{html}/blob/{commit}/{path}"),
            "raw_url": format!("{html}/raw/{commit}/{path}"),
            "contents_url": format!("{}/repos/{}/contents/{path}?ref={commit}", self.api, change.slug),
        });
        if let Some(patch) = file.patch.as_ref().filter(|_| !is_cut) {
            value["patch"] = json!(patch);
        }
        if let Some(previous) = &file.previous_filename {
            value["previous_filename"] = json!(previous);
        }
        value
    }

    pub fn review(self, change: &PullRequest, review: &Review) -> Value {
        let html = format!(
            "{}/{}/pull/{}#pullrequestreview-{}",
            self.api, change.slug, change.number, review.id
        );
        let pull = self.pull_url(change);
        let mut value = json!({
            "id": review.id, "node_id": format!("PRR_{}", review.id), "user": self.identity(&review.author),
            "body": review.body, "state": review.state, "html_url": html, "pull_request_url": pull,
            "author_association": self.association(change, &review.author),
            "_links": { "html": { "href": html }, "pull_request": { "href": pull } },
            "commit_id": review.commit_id,
        });
        if let Some(submitted_at) = &review.submitted_at {
            value["submitted_at"] = json!(submitted_at);
        }
        value
    }

    pub fn review_comment(self, change: &PullRequest, comment: &ReviewComment) -> Value {
        let url = format!("{}/repos/{}/pulls/comments/{}", self.api, change.slug, comment.id);
        let html = format!(
            "{}/{}/pull/{}#discussion_r{}",
            self.api, change.slug, change.number, comment.id
        );
        let pull = self.pull_url(change);
        let placed = |line: u32| comment.position.is_some().then_some(line);
        let mut value = json!({
            "id": comment.id, "node_id": format!("PRRC_{}", comment.id), "url": url,
            "pull_request_review_id": comment.review_id, "diff_hunk": comment.diff_hunk, "path": comment.path,
            "position": comment.position, "original_position": comment.original_position,
            "commit_id": change.head_sha, "original_commit_id": comment.commit_id,
            "user": self.identity(&comment.author), "body": comment.body, "created_at": comment.created_at,
            "updated_at": comment.updated_at, "html_url": html, "pull_request_url": pull,
            "author_association": self.association(change, &comment.author),
            "_links": { "self": { "href": url }, "html": { "href": html }, "pull_request": { "href": pull } },
            "reactions": reactions(&url), "start_line": comment.original_start_line.and_then(placed),
            "original_start_line": comment.original_start_line, "start_side": comment.start_side,
            "line": placed(comment.original_line), "original_line": comment.original_line, "side": comment.side,
            "subject_type": "line",
        });
        if let Some(first) = comment.conversation.reply_to {
            value["in_reply_to_id"] = json!(first);
        }
        let given = &comment.conversation.reactions;
        for (field, content) in [("+1", "THUMBS_UP"), ("-1", "THUMBS_DOWN")] {
            value["reactions"][field] = json!(given.iter().filter(|(given, _)| given == content).count());
        }
        value["reactions"]["total_count"] = json!(given.len());
        value
    }

    pub fn issue_comment(self, repo: &Repo, comment: &IssueComment) -> Value {
        let base = format!("{}/repos/{}", self.api, repo.slug);
        let url = format!("{base}/issues/comments/{}", comment.id);
        let association = repo
            .pulls
            .get(&comment.issue)
            .map_or("NONE", |pull| self.association(&pull.change, &comment.author));
        json!({
            "id": comment.id, "node_id": format!("IC_{}", comment.id), "url": url,
            "html_url": format!("{}/{}/pull/{}#issuecomment-{}", self.api, repo.slug, comment.issue, comment.id),
            "issue_url": format!("{base}/issues/{}", comment.issue), "body": comment.body,
            "user": self.identity(&comment.author), "created_at": comment.created_at,
            "updated_at": comment.updated_at, "author_association": association, "reactions": reactions(&url),
            "performed_via_github_app": null,
        })
    }

    pub fn check_run(self, state: &State, repo: &Repo, run: &CheckRun) -> Value {
        let url = format!("{}/repos/{}/check-runs/{}", self.api, repo.slug, run.id);
        let field = |name: &str| run.fields.get(name).cloned().unwrap_or(Value::Null);
        let output = |name: &str| run.output.get(name).cloned().unwrap_or(Value::Null);
        json!({
            "id": run.id, "node_id": format!("CR_{}", run.id), "head_sha": run.head_sha, "url": url,
            "html_url": format!("{}/{}/runs/{}", self.api, repo.slug, run.id), "name": field("name"),
            "external_id": field("external_id").as_str().unwrap_or(""), "details_url": field("details_url"),
            "status": field("status"), "conclusion": field("conclusion"), "started_at": field("started_at"),
            "completed_at": field("completed_at"),
            "output": {
                "title": output("title"), "summary": output("summary"), "text": output("text"),
                "annotations_count": run.annotations.len(), "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": { "id": account_id(&run.head_sha) }, "app": self.app(state), "pull_requests": [],
        })
    }

    pub fn app(self, state: &State) -> Value {
        json!({
            "id": state.app_id, "slug": state.app_slug, "node_id": format!("A_{}", state.app_id),
            "client_id": "Iv1.testkit", "owner": self.account("octo-owner", "Organization"), "name": state.app_slug,
            "description": null, "external_url": "https://app.example.test",
            "html_url": format!("{}/apps/{}", self.api, state.app_slug), "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-01T00:00:00Z",
            "permissions": state.app_manifest["default_permissions"], "events": state.app_manifest["default_events"],
            "installations_count": 1,
        })
    }

    pub fn installation(self, state: &State, owner: &str) -> Value {
        let url = format!("{}/app/installations/{}", self.api, state.installation_id);
        json!({
            "id": state.installation_id, "account": self.account(owner, "Organization"),
            "access_tokens_url": format!("{url}/access_tokens"),
            "repositories_url": format!("{}/installation/repositories", self.api), "html_url": url,
            "app_id": state.app_id, "app_slug": state.app_slug, "target_id": account_id(owner),
            "target_type": "Organization", "permissions": Identity::app(&state.app_slug).permissions(),
            "events": ["pull_request", "issue_comment"], "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-01T00:00:00Z", "single_file_name": null, "repository_selection": "all",
            "suspended_by": null, "suspended_at": null,
        })
    }

    pub fn commit(self, slug: &str, commit: &Commit) -> Value {
        let url = format!("{}/repos/{slug}/commits/{}", self.api, commit.sha);
        let git_url = format!("{}/repos/{slug}/git", self.api);
        let html = |sha: &str| format!("{}/{slug}/commit/{sha}", self.api);
        let parent = |sha: &String| json!({ "sha": sha, "url": format!("{}/repos/{slug}/commits/{sha}", self.api), "html_url": html(sha) });
        let person = json!({ "name": commit.author, "email": commit.email, "date": commit.date });
        let tree = json!({ "sha": commit.tree, "url": format!("{git_url}/trees/{}", commit.tree) });
        json!({
            "sha": commit.sha, "node_id": format!("C_{}", commit.sha), "url": url, "html_url": html(&commit.sha),
            "comments_url": format!("{url}/comments"), "author": null, "committer": null,
            "commit": {
                "author": person, "committer": person, "message": commit.message, "tree": tree,
                "url": format!("{git_url}/commits/{}", commit.sha), "comment_count": 0,
                "verification": {
                    "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
                },
            },
            "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
        })
    }

    fn pull_url(self, change: &PullRequest) -> String {
        format!("{}/repos/{}/pulls/{}", self.api, change.slug, change.number)
    }

    fn association(self, change: &PullRequest, author: &Identity) -> &'static str {
        if author.login == change.author {
            "CONTRIBUTOR"
        } else {
            "NONE"
        }
    }
}

const REPOSITORY_URLS: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("svn_url", ""),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

fn reactions(url: &str) -> Value {
    json!({
        "url": format!("{url}/reactions"), "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0,
        "heart": 0, "rocket": 0, "eyes": 0,
    })
}

/// Returns a number for a name, the same in every run (FNV-1a, 31 bits).
pub(crate) fn account_id(name: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    (name.bytes().fold(0xcbf2_9ce4_8422_2325, fold) & 0x7fff_ffff).max(1)
}

/// Percent-encodes each part of a path.
pub(crate) fn encode(path: &str) -> String {
    let part = |part: &str| percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC).to_string();
    let encoded = path.split('/').map(part).collect::<Vec<_>>().join("/");
    encoded.replace("%2E", ".").replace("%5F", "_").replace("%2D", "-")
}
