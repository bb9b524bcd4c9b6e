//! The function `approval-page`, which serves the approval page.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::approval_page::main()
}
