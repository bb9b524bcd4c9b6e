# The five-minute loop: `just check PACKAGE`. What a change has to pass in the end: `just verify`.

# Lists the recipes.
default:
    @just --list

# Format, house rules, then clippy and the tests of one package: just check holdfast-core render::
check package *filter:
    cargo fmt --all
    cargo xtask tidy
    cargo clippy --package {{package}} --all-targets -- -D warnings
    cargo test --package {{package}} {{filter}}

# Everything that a submission must pass.
verify:
    cargo xtask verify
