//! The function `receive-webhook`.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::receive_webhook::main()
}
