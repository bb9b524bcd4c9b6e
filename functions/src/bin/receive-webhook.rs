//! The function `receive-webhook`, which takes GitHub's deliveries.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::receive_webhook::main()
}
