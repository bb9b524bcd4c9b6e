//! The function `sweep`.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::sweep::main()
}
