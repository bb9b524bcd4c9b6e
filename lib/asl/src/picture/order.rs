//! The order of the items on each layer. A few sweeps look for the order with the fewest crossings.

use super::rank::Layers;

/// The number of sweeps over all layers, alternately down and up.
const SWEEPS: usize = 24;

/// Orders the items of every layer.
pub(super) fn order(layers: &mut Layers) {
    let mut best = layers.layers.clone();
    let mut fewest = crossings(layers);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let down = sweep % 2 == 0;
        let count = layers.layers.len();
        for step in 1..count {
            let layer = if down { step } else { count - 1 - step };
            sort(layers, layer, down);
        }
        let found = crossings(layers);
        if found < fewest {
            fewest = found;
            best.clone_from(&layers.layers);
        }
    }
    layers.layers = best;
}

/// Sorts a layer by the places of its neighbours above or below.
fn sort(layers: &mut Layers, layer: usize, above: bool) {
    let places = places(layers);
    let mut keyed: Vec<(f64, usize, usize)> = Vec::new();
    for (index, item) in layers.layers[layer].iter().enumerate() {
        let neighbours: Vec<usize> = layers
            .links
            .iter()
            .filter_map(|(upper, lower)| match above {
                true if lower == item => Some(places[*upper]),
                false if upper == item => Some(places[*lower]),
                _ => None,
            })
            .collect();
        let key = if neighbours.is_empty() {
            index as f64
        } else {
            neighbours.iter().sum::<usize>() as f64 / neighbours.len() as f64
        };
        keyed.push((key, index, *item));
    }
    keyed.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    layers.layers[layer] = keyed.into_iter().map(|(_, _, item)| item).collect();
}

/// Returns the place of each item on its layer.
fn places(layers: &Layers) -> Vec<usize> {
    let mut places = vec![0; layers.items.len()];
    for layer in &layers.layers {
        for (place, item) in layer.iter().enumerate() {
            places[*item] = place;
        }
    }
    places
}

fn crossings(layers: &Layers) -> usize {
    let places = places(layers);
    let mut count = 0;
    for (index, (upper, lower)) in layers.links.iter().enumerate() {
        for (other_upper, other_lower) in &layers.links[index + 1..] {
            if layers.items[*upper].layer != layers.items[*other_upper].layer {
                continue;
            }
            let above = places[*upper].cmp(&places[*other_upper]);
            let below = places[*lower].cmp(&places[*other_lower]);
            count += usize::from(above == below.reverse() && above.is_ne());
        }
    }
    count
}
