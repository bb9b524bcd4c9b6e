//! The function `try-models`, which calls the models of reviews that wait for their retry.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::try_models::main()
}
