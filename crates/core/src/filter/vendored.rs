//! Paths of other people's code. The facts are linguist's `vendor.yml` (github-linguist/linguist, MIT). Linguist counts
//! languages; a reviewer must not miss the repository's own code, so [`LEFT`] lists the patterns that are not taken.

use std::sync::LazyLock;

use regex::RegexSet;

/// The rule that coverage names, and a pattern of paths.
#[rustfmt::skip]
const VENDORED: &[(&str, &str)] = &[
    ("vendored: node_modules/", r"(^|/)node_modules/"),
    ("vendored: bower_components/", r"(^|/)bower_components/"),
    ("vendored: Godeps/", r"(^|/)Godeps/"),
    ("vendored: third_party/", r"(^|/)(3rd|[Tt]hird)[-_]?[Pp]arty/"),
    ("vendored: vendor/", r"(^|/)([Vv]+endor|vendors)/"),
    ("vendored: extern/", r"(^|/)[Ee]xtern(als?)?/"),
    ("vendored: deps/", r"^deps/"),
    ("vendored: .yarn/", r"(^|/)\.yarn/(releases|plugins|sdks|versions|unplugged|cache)/"),
    ("vendored: Pods/", r"(^|/)Pods/"),
    ("vendored: Carthage/", r"(^|/)Carthage/"),
    ("vendored: testdata/", r"(^|/)testdata/"),
    ("vendored: a framework", r"(^|/)(Crashlytics|Fabric|BuddyBuildSDK|Realm|RealmSwift)\.framework/"),
    ("vendored: Xcode's files", r"\.(xctemplate|imageset)/"),
    ("vendored: NuGet's packages/", r"(^|/)[Pp]ackages/[^/]+\.[0-9]+\.[0-9]+(\.[0-9]+)*/"),
    ("vendored: flow-typed/", r"(^|/)flow-typed/.*\.js$"),
    ("vendored: .google_apis/", r"(^|/)\.google_apis/"),
    ("vendored: puphpet/", r"(^|/)puphpet/"),
    ("vendored: admin_media/", r"(^|/)admin_media/"),
    ("vendored: Sphinx's _build/", r"(^|/)docs?/_build/"),
    ("vendored: autoconf", r"(^|/)(configure|config\.guess|config\.sub)$"),
    ("vendored: autoconf", r"(^|/)(aclocal|libtool|ltoptions|ltsugar|ltversion|lt~obsolete)\.m4$"),
    ("vendored: erlang.mk", r"(^|/)erlang\.mk$"),
    ("vendored: cpplint", r"(^|/)cpplint\.py$"),
    ("vendored: Bootstrap", r"(^|/)bootstrap[^/.]*\.([^/]*\.)?(js|css|less|scss|styl)$"),
    ("vendored: Bootstrap", r"(^|/)bootstrap-datepicker/"),
    ("vendored: Font Awesome", r"(^|/)font-?awesome(/.*)?\.(css|less|scss|styl)$"),
    ("vendored: Foundation", r"(^|/)foundation(\.[^/]*)?\.(js|css|less|scss|styl)$"),
    ("vendored: a library's styles", r"(^|/)(normalize|skeleton|animate|materialize|bulma|fontello[^/]*|octicons|sprockets-octicons)\.(css|less|sass|scss|styl)$"),
    ("vendored: a library's styles", r"(^|/)[Bb]ourbon/.*\.(css|less|scss|styl)$"),
    ("vendored: Materialize", r"(^|/)materialize\.js$"),
    ("vendored: Select2", r"(^|/)select2/.*\.(css|scss|js)$"),
    ("vendored: jQuery", r"(^|/)jquery[^/.]*\.js$"),
    ("vendored: jQuery", r"(^|/)jquery-[0-9]\.[0-9]+(\.[0-9]+)?\.js$"),
    ("vendored: jQuery UI", r"(^|/)jquery-ui(-[0-9]\.[0-9]+(\.[0-9]+)?)?(\.[0-9A-Za-z_]+)?\.(js|css)$"),
    ("vendored: jQuery UI", r"(^|/)jquery\.(ui|effects)\.[^/.]*\.(js|css)$"),
    ("vendored: a jQuery plugin", r"(^|/)jquery\.(fn\.gantt|fancybox|fileupload(-[0-9A-Za-z_]+)?|dataTables)\.(js|css)$"),
    ("vendored: a jQuery plugin", r"(^|/)jquery[^/.]*\.(validate(\.unobtrusive)?|unobtrusive-ajax)\.js$"),
    ("vendored: a library's script", r"(^|/)(fuelux|bootbox|pdf\.worker|html5shiv|slick\.[0-9A-Za-z_]+)\.js$"),
    ("vendored: Leaflet", r"(^|/)(Leaflet\.Coordinates-[0-9.]+\.src\.js|leaflet\.draw-src\.js|leaflet\.draw\.css|Control\.FullScreen\.(css|js)|leaflet\.spin\.js|wicket-leaflet\.js)$"),
    ("vendored: Prototype", r"(^|/)prototype(-[0-9.]+)?\.js$"),
    ("vendored: MooTools", r"(^|/)mootools[^/.]*[0-9]+\.[0-9]+.[0-9]+[^/.]*\.js$"),
    ("vendored: a library's script", r"(^|/)(dojo|MochiKit|yahoo-[^/.]*|yui[^/.]*)\.js$"),
    ("vendored: an editor", r"(^|/)(ckeditor|tiny_mce[^/.]*)\.js$"),
    ("vendored: an editor", r"(^|/)(tiny_mce/(langs|plugins|themes|utils)|ace-builds/)"),
    ("vendored: an editor", r"(^|/)[Cc]ode[Mm]irror/([0-9]+\.[0-9]+/)?(lib|mode|theme|addon|keymap|demo)"),
    ("vendored: MathJax", r"(^|/)MathJax/"),
    ("vendored: SyntaxHighlighter", r"(^|/)(shBrush[^/.]*|shCore|shLegacy)\.js$"),
    ("vendored: AngularJS", r"(^|/)angular[^/.]*\.js$"),
    ("vendored: D3", r"(^|/)d3(\.v[0-9]+)?\.js$"),
    ("vendored: React", r"(^|/)react(-dom|-with-addons)?\.js$"),
    ("vendored: Modernizr", r"(^|/)modernizr(-[0-9]\.[0-9]+(\.[0-9]+)?|\.custom\.[0-9]+)\.js$"),
    ("vendored: Knockout", r"(^|/)knockout-([0-9]+\.){3}(debug\.)?js$"),
    ("vendored: Cordova", r"(^|/)cordova(-[0-9]\.[0-9](\.[0-9])?|[^/.]*)\.js$"),
    ("vendored: Ext JS", r"(^|/)extjs/"),
    ("vendored: Visual Studio", r"(-vsdoc|\.intellisense)\.js$"),
    ("vendored: Microsoft Ajax", r"(^|/)[Mm]icrosoft([Mm]vc)?([Aa]jax|[Vv]alidation)(\.debug)?\.js$"),
];

/// Patterns of `vendor.yml` that match a repository's own code or files that run, so that they are reviewed: a part of
/// the path, and the reason.
#[rustfmt::skip]
pub const LEFT: &[(&str, &str)] = &[
    (r"(^|/)\.github/|(^|/)Jenkinsfile$|(^|/)\.gitpod\.Dockerfile$|(^|/)Vagrantfile$", "runs in CI or on a developer's machine"),
    (r"(^|/)(gradlew(\.bat)?|mvnw(\.cmd)?|activator(\.bat)?|waf|rebar|fabfile\.py|dotnet-install\.(ps1|sh)|\.osx)$", "a script that builds run"),
    (r"(^|/)(gradle/wrapper|\.mvn/wrapper)/", "names the program that builds download"),
    (r"(^|/)\.vscode/|\.sublime-(project|workspace)$", "its tasks run on a developer's machine"),
    (r"(^|/)\.git(attributes|ignore|modules)$", "the repository's own settings"),
    (r"\.d\.ts$", "types that the repository may write itself"),
    (r"(^|/)([Tt]ests?|[Ss]pecs?)/fixtures/", "fixtures are often the repository's own code"),
    (r"(^|/)(cache|env|dist|Sparkle)/|^[Dd]ependencies/", "a common name for own code"),
    (r"(^|/)docs?/_?(themes?|templates?|static|build)/", "a common name for own templates"),
    (r"^debian/", "packaging, whose scripts run as root"),
    (r"import\.(css|less|scss|styl)$|(^|/)custom\.bootstrap", "own styles"),
    (r"(^|/)(effects|controls|dragdrop|Chart|prototype[^/]*|react-[^/.]*|d3[^/]*)\.js$", "a common name for own code"),
    (r"(^|/)(vignettes|inst/extdata)/|(^|/)proguard(-rules)?\.pro$|(^|/)\.indent\.pro$", "written by hand"),
];

static PATTERNS: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(VENDORED.iter().map(|(_, pattern)| pattern)).unwrap_or_default());
static LEFT_PATTERNS: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(LEFT.iter().map(|(pattern, _)| pattern)).unwrap_or_default());

/// Returns the rule for a path of other people's code.
pub fn vendored(path: &str) -> Option<&'static str> {
    let first = PATTERNS.matches(path).iter().next()?;
    VENDORED.get(first).map(|(rule, _)| *rule)
}

/// Returns why a path that linguist calls vendored is reviewed.
pub fn left(path: &str) -> Option<&'static str> {
    let first = LEFT_PATTERNS.matches(path).iter().next()?;
    LEFT.get(first).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_others_are_named() {
        assert!(
            !PATTERNS.is_empty() && !LEFT_PATTERNS.is_empty(),
            "every pattern compiles"
        );
        for (path, rule) in [
            ("a/node_modules/b/c.js", "vendored: node_modules/"),
            ("vendor/x/y.go", "vendored: vendor/"),
            ("src/third-party/x.c", "vendored: third_party/"),
            ("3rdparty/x.c", "vendored: third_party/"),
            ("lib/externals/x.c", "vendored: extern/"),
            (".yarn/releases/yarn-4.1.0.cjs", "vendored: .yarn/"),
            ("ios/Pods/A/a.m", "vendored: Pods/"),
            ("internal/testdata/a.go", "vendored: testdata/"),
            ("configure", "vendored: autoconf"),
            ("m4/libtool.m4", "vendored: autoconf"),
            ("static/bootstrap.js", "vendored: Bootstrap"),
            ("static/bootstrap-theme.min.css", "vendored: Bootstrap"),
            ("a/jquery-3.6.0.js", "vendored: jQuery"),
            ("a/jquery.js", "vendored: jQuery"),
            ("a/jquery-ui-1.12.1.custom.css", "vendored: jQuery UI"),
            ("a/d3.v7.js", "vendored: D3"),
            (
                "packages/Newtonsoft.Json.13.0.1/lib/a.xml",
                "vendored: NuGet's packages/",
            ),
            ("a/font-awesome/scss/_core.scss", "vendored: Font Awesome"),
        ] {
            assert_eq!(vendored(path), Some(rule), "{path}");
        }
    }

    #[test]
    fn own_code_is_left() {
        for path in [
            "src/vendor.rs",
            "src/cache/lru.rs",
            "src/env/mod.rs",
            "dist/x.py",
            "types/api.d.ts",
            "tests/fixtures/users.py",
            "gradlew",
            "gradle/wrapper/gradle-wrapper.properties",
            "debian/rules",
            ".vscode/tasks.json",
            "src/components/Chart.js",
            "src/controls.js",
            ".github/workflows/ci.yml",
            ".yarn/patches/a.patch",
            "packages/app/src/index.ts",
            "packages/app/v1.2/index.ts",
        ] {
            assert_eq!(vendored(path), None, "{path}");
        }
        assert_eq!(
            left("types/api.d.ts"),
            Some("types that the repository may write itself")
        );
        assert_eq!(left("src/main.rs"), None);
    }
}
