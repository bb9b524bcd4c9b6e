//! The function `raise-alarm`: the stage of the state RaiseAlarm.

fn main() -> Result<(), holdfast_functions::Error> {
    holdfast_functions::stages::raise_alarm()
}
