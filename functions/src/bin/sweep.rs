//! The function `sweep`, which the schedule and the ends of runs start.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::sweep::main()
}
