# The inner loop: `just check PACKAGE`. The full loop, before a pull request: `just verify`.

# Lists the recipes.
default:
    @just --list

# Format, house rules, then clippy and the tests of one package: just check holdfast-core render::
check package *filter:
    cargo fmt --all
    cargo xtask tidy
    cargo clippy --package {{package}} --all-targets -- -D warnings
    cargo test --package {{package}} {{filter}}

# Every check of a submission.
verify:
    cargo xtask verify

# The program as it is released, with AWS and all languages.
release:
    cargo build --release --bin holdfast --features aws,all-languages
