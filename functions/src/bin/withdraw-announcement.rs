//! The function `withdraw-announcement`: the stage of the state WithdrawAnnouncement.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::withdraw_announcement()
}
