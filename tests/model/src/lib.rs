//! Empty: the model checks are in `main.rs` and beside it.
