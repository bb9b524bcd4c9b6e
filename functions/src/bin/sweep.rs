//! The function `sweep`, which starts on a schedule and whenever a run ends.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::sweep::main()
}
