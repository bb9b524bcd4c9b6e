//! The function `gather-context`: the stage of the state GatherContext.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::gather_context()
}
