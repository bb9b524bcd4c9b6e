//! Files without suggestions: those that decide what runs where, who may approve, and what is checked. A suggestion is
//! one click from a commit, so none is offered for them. Each row of the list is a glob, matched without regard to
//! case.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The globs. A row without a slash is a file's name in any folder.
#[rustfmt::skip]
const PROTECTED: &[&str] = &[
    // Workflows and pipelines, of every forge and service; actions and their parts.
    ".github/**", ".gitlab/**", ".gitea/**", ".forgejo/**", ".circleci/**", ".buildkite/**", ".woodpecker/**",
    ".azure-pipelines/**", ".azuredevops/**", ".semaphore/**", ".tekton/**", ".harness/**", ".teamcity/**", ".cloudbuild/**",
    ".builds/**", ".ci/**", "ci/**", ".concourse/**", ".jenkins/**", ".cirrus/**", ".kokoro/**", ".zuul.d/**", ".evergreen/**",
    "action.yml", "action.yaml", ".gitlab-ci*", "*.gitlab-ci.yml", "*.gitlab-ci.yaml", "azure-pipelines*.yml",
    "azure-pipelines*.yaml", "bitbucket-pipelines*", ".drone.*", ".woodpecker*", ".travis*", "appveyor*", ".appveyor*",
    "jenkinsfile*", "*.jenkinsfile", "cloudbuild*.y*ml", "cloudbuild*.json", "buildspec*", ".cirrus.*", ".build.yml",
    ".scrutinizer.yml", ".shippable.yml", "wercker.yml", "codefresh*.y*ml", ".codefresh/**", "screwdriver.yaml", ".zuul.y*ml",
    "zuul.y*ml", "tekton*.y*ml", "taskcluster.y*ml", ".taskcluster.y*ml", ".sourcehut.y*ml", "bamboo.y*ml", "bamboo-specs/**",
    ".vela.y*ml", ".prow.y*ml", "prow.y*ml", "skaffold.y*ml", "tiltfile", "earthfile", "netlify.toml", "vercel.json", "now.json",
    "render.y*ml", "fly.toml", "app.y*ml", "app.json", "procfile", "heroku.yml", "amplify.yml", "firebase.json", "wrangler.*",
    "serverless.*", "samconfig.toml", "template.y*ml", "ansible.cfg", "*.tf", "*.tfvars", "*.hcl", "pulumi.*",
    // Builds: manifests with scripts, and programs that a build runs.
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml", "bun.lock*",
    "deno.json*", "deno.lock", "lerna.json", "nx.json", "turbo.json", "rush.json", "project.json", "composer.json", "composer.lock",
    "gemfile*", "*.gemspec", "rakefile*", "*.rake", "cargo.toml", "cargo.lock", "build.rs", ".cargo/**",
    "rust-toolchain*", "go.mod", "go.sum", "go.work*", "pyproject.toml", "poetry.lock", "pdm.lock", "uv.lock", "pipfile*",
    "setup.py", "setup.cfg", "requirements*.txt", "requirements*.in", "constraints*.txt", "**/requirements/*.txt", "conftest.py",
    "noxfile.py", "tox.ini", "pytest.ini", "tasks.py", "dodo.py", "sitecustomize.py", "usercustomize.py", "*.pth", "hatch.toml",
    "hatch_build.py", "fabfile*", "pom.xml", "build.xml", "ivy.xml", "*.gradle", "*.gradle.kts", "gradle*.properties",
    "**/gradle/**", "gradlew*", "mvnw*", ".mvn/**", "build.sbt", "*.sbt", "project/*.scala", "build.sc", "build.mill",
    "makefile", "makefile.*", "gnumakefile*", "*.mk", "*.mak", "cmakelists.txt", "*.cmake", "meson.build", "meson_options.txt", "configure",
    "configure.ac", "*.m4", "sconstruct", "sconscript", "wscript", "build.ninja", "build.bazel", "build", "workspace",
    "workspace.bazel", "module.bazel", "*.bzl", ".bazelrc", ".buckconfig", "buck", "justfile", ".justfile", "taskfile*",
    "magefile.go", "earthly*", "dockerfile", "dockerfile.*", "dockerfile-*", "*.dockerfile", "containerfile*", "docker-compose*", "compose*.y*ml",
    ".dockerignore", "docker-bake.*", "vagrantfile", "*.nix", "flake.lock", "*.csproj", "*.fsproj", "*.vbproj", "*.vcxproj",
    "*.sln", "*.props", "*.targets", "nuget.config", "packages.config", "packages.lock.json", "global.json", "*.cake", "mix.exs",
    "mix.lock", "rebar.config", "package.swift", "podfile*", "*.podspec", "cartfile*", "fastfile", "appfile", "**/fastlane/**",
    "*.xcconfig", "*.pbxproj", "pubspec.y*ml", "stack.yaml", "*.cabal", "cabal.project*", "dune", "dune-project", "*.opam", "cpanfile",
    "makefile.pl", "build.pl", "*.rockspec", "build.zig*", "shard.yml", "project.clj", "deps.edn", "build.clj",
    "gruntfile.*", "gulpfile.*", "jakefile*", "webpack*.js", "webpack*.ts", "rollup.config.*", "vite*.config.*", "babel.config.*",
    ".babelrc*", "esbuild.*", "metro.config.*", "next.config.*", "nuxt.config.*", "jest.config.*", "vitest.*", "karma.conf.*",
    "playwright.config.*", "cypress.config.*", "eslint.config.*", ".eslintrc*", ".prettierrc*", "prettier.config.*",
    "postcss.config.*", "tailwind.config.*", "svelte.config.*", "astro.config.*", "vue.config.*", "gatsby-*.js", "gatsby-*.ts",
    ".mocharc*", "hardhat.config.*", "conanfile.*", "guardfile", "bunfig.toml", "**/.config/nextest.toml", ".releaserc*",
    "release.config.*", ".goreleaser*", ".latexmkrc", "latexmkrc", "dangerfile*", ".rspec", "tsconfig*.json", "angular.json", "ember-cli-build.js", 
    // Hooks and tools that run on their own, on a developer's machine too.
    ".pre-commit*", ".husky/**", ".huskyrc*", "lefthook*", ".lefthook*", ".lintstagedrc*", "lint-staged.config.*",
    ".commitlintrc*", "commitlint.config.*", ".githooks/**", "githooks/**", "**/hooks/pre-*", "**/hooks/post-*", "**/hooks/*-msg", "**/hooks/update", ".hooks/**", ".overcommit.yml",
    ".captainhook*", ".envrc", ".env*", ".tool-versions", "mise*.toml", ".mise*", ".asdfrc", ".nvmrc", ".node-version",
    ".python-version", ".ruby-version", ".java-version", ".sdkmanrc", ".npmrc", ".yarnrc*", ".yarn/**", ".pnpmfile.*", ".pnp.*",
    ".bowerrc", ".pypirc", "pip.conf", "pip.ini", ".condarc", "environment.y*ml", ".bundle/**", ".gemrc", ".curlrc", ".wgetrc",
    ".netrc", ".bashrc", ".bash_*", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".kshrc", ".cshrc", ".inputrc",
    ".vimrc", ".lvimrc", ".dir-locals.el", ".irbrc", ".pryrc", ".rprofile", "*.sublime-project", ".exrc", ".nvimrc", ".nvim.lua", ".gdbinit", ".lldbinit", ".ssh/**", ".devcontainer/**", "devcontainer.json",
    ".devcontainer.json", ".gitpod*", ".vscode/**", "*.code-workspace", ".idea/**", ".fleet/**",
    ".zed/**", ".run/**", ".editorconfig", ".replit", "replit.nix", ".stackblitzrc", ".codesandbox/**", "sandbox.config.json",
    // Agents and editors that take instructions from the repository.
    "agents.md", "claude.md", "gemini.md", ".claude/**", ".cursor/**", ".cursorrules", ".windsurf*", ".aider*", ".clinerules*",
    ".kiro/**", ".roo/**", ".junie/**", ".amazonq/**", "qwen.md", "opencode.json*", ".mcp.json", "mcp.json", ".codex/**", ".gemini/**", ".continue/**",
    // Approvals and checks: ownership, policy, reviewers, scanners, dependencies' updates, git itself.
    "codeowners", "owners", "owners_aliases", "maintainers*", ".holdfast*", ".holdfast/**", ".holdfast-rules/**", "renovate.json*",
    ".renovaterc*", "dependabot.y*ml", ".mergify*", ".mergify/**", "mergify.y*ml", "bors.toml", ".kodiak.toml", ".bulldozer.yml",
    ".policy.yml", "policy.yml", ".probot/**", ".pullapprove.yml", ".gitattributes", ".gitmodules", ".gitconfig", ".gitignore",
    ".git-blame-ignore-revs", ".mailmap", ".gitleaks*", "gitleaks.toml", ".gitguardian*", ".secrets.baseline", ".trufflehog*",
    ".semgrep*", ".semgrep/**", "sonar-project.properties", "codecov*", ".codecov*", ".coveragerc", "deny.toml", "clippy.toml",
    ".clippy.toml", "audit.toml", ".bandit*", ".ruff.toml", "ruff.toml", ".flake8", ".pylintrc", "mypy.ini", ".rubocop*",
    ".golangci*", ".coderabbit*", ".pr_agent.toml", ".deepsource.toml", ".snyk", ".trivyignore*", ".checkov*", ".hadolint*",
    ".yamllint*", ".ansible-lint*", ".tflint.hcl", 
];

/// `None` only if a row doesn't compile; a test checks that all do.
static PROTECTED_SET: LazyLock<Option<GlobSet>> = LazyLock::new(|| {
    let mut set = GlobSetBuilder::new();
    for row in PROTECTED {
        let glob = if row.contains('/') {
            (*row).to_owned()
        } else {
            format!("**/{row}")
        };
        set.add(
            GlobBuilder::new(&glob)
                .case_insensitive(true)
                .literal_separator(true)
                .build()
                .ok()?,
        );
        if glob.starts_with('.') && row.contains('/') {
            // A folder of settings counts in any folder: a part of a monorepo may be built where it lies.
            set.add(
                GlobBuilder::new(&format!("**/{glob}"))
                    .case_insensitive(true)
                    .literal_separator(true)
                    .build()
                    .ok()?,
            );
        }
    }
    set.build().ok()
});

/// Returns true if a file is one of these, or has an unusual form of path.
pub fn is_protected(path: &str) -> bool {
    let path = path.replace('\\', "/");
    // A path that a file system would read as another one is not compared: it is refused.
    let is_odd = path
        .split('/')
        .any(|part| part.is_empty() || part.ends_with(['.', ' ']));
    is_odd || PROTECTED_SET.as_ref().is_none_or(|set| set.is_match(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_run_or_decide_something_are_protected() {
        assert!(PROTECTED_SET.is_some(), "every row compiles");
        for path in [
            ".github/workflows/ci.yml",
            ".GitHub/Workflows/CI.yml",
            "sub/.github/workflows/x.yml",
            ".gitlab-ci.yml",
            "sub/.gitlab-ci.yml",
            "ci/build.sh",
            ".circleci/config.yml",
            "azure-pipelines.yml",
            "azure-pipelines-nightly.yaml",
            "bitbucket-pipelines.yml",
            ".drone.yml",
            ".woodpecker.yml",
            ".woodpecker/a.yml",
            ".travis.yml",
            "appveyor.yml",
            ".buildkite/pipeline.yml",
            "Jenkinsfile",
            "deploy/Jenkinsfile.release",
            ".gitea/workflows/a.yml",
            ".forgejo/workflows/a.yml",
            "cloudbuild.yaml",
            "buildspec.yml",
            "action.yml",
            "actions/setup/action.yaml",
            "package.json",
            "web/package.json",
            "Makefile",
            "GNUmakefile",
            "rules.mk",
            "Dockerfile",
            "Dockerfile.dev",
            "api.dockerfile",
            "docker-compose.yml",
            "build.rs",
            "crates/a/build.rs",
            "setup.py",
            "conftest.py",
            "tests/conftest.py",
            "build.gradle",
            "app/build.gradle.kts",
            "settings.gradle",
            ".pre-commit-config.yaml",
            ".husky/pre-commit",
            "CODEOWNERS",
            "docs/CODEOWNERS",
            ".holdfast.yml",
            ".holdfast-rules/a.yml",
            ".gitattributes",
            ".gitmodules",
            ".npmrc",
            ".envrc",
            ".bashrc",
            ".vscode/tasks.json",
            "sub/.vscode/tasks.json",
            "Cargo.toml",
            ".cargo/config.toml",
            "pom.xml",
            "CMakeLists.txt",
            "justfile",
            "pyproject.toml",
            "Gemfile",
            "Rakefile",
            "go.mod",
            "hooks/pre-push",
            "AGENTS.md",
            ".cursor/rules/a.mdc",
            "./.github/workflows/ci.yml",
            ".github//workflows/ci.yml",
            ".github\\workflows\\ci.yml",
            "Makefile.",
            "package.json ",
            "a/../.github/workflows/ci.yml",
        ] {
            assert!(is_protected(path), "{path}");
        }
        for path in [
            "src/main.rs",
            "a.py",
            "web/src/app.ts",
            "docs/guide.md",
            "README.md",
            "src/build/mod.rs",
            "lib/package_json.rs",
            "src/makefile_parser.rs",
            "tests/test_setup.py",
            "src/hooks/use_auth.ts",
            "schema.sql",
            "src/ci/mod.rs",
        ] {
            assert!(!is_protected(path), "{path}");
        }
    }
}
