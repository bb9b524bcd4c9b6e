//! The coordinates of everything, in pixels: layers from the top, and each item as near below its neighbours as
//! possible.

use super::graph::{Graph, Node, Shape};
use super::order;
use super::rank::Layers;

/// Space between layers.
const LAYER_GAP: f64 = 38.0;
/// Space between two nodes of a layer.
const NODE_GAP: f64 = 28.0;
/// Space between two ways of a layer.
const WAY_GAP: f64 = 16.0;
/// Space around and between the flows of a group.
pub(super) const GROUP_GAP: f64 = 18.0;
/// Height of a group's own name and caption.
pub(super) const GROUP_HEAD: f64 = 46.0;
/// The number of passes that pull items towards their neighbours.
const PASSES: usize = 120;

/// The layout of a flow, relative to its own corner.
#[derive(Debug)]
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    /// The nodes, with the middle of their upper edge.
    pub nodes: Vec<(Node, Point)>,
    pub lines: Vec<Line>,
}

/// A place in a flow.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

/// A way from one node to another.
#[derive(Debug)]
pub(super) struct Line {
    /// The nodes' positions in the layout.
    pub from: usize,
    pub to: usize,
    pub caught: bool,
    pub why: String,
    /// Its points, in pairs: the way is straight from the first to the second point of a pair, and bends between pairs.
    pub points: Vec<Point>,
    /// True if it leads back to the node that it comes from.
    pub own: bool,
}

/// Lays out a flow.
pub(super) fn place(graph: Graph) -> Layout {
    let mut layers = Layers::of(&graph);
    order::order(&mut layers);
    let width = |item: usize| match layers.items[item].node {
        Some(node) => graph.nodes[node].width,
        None => 2.0,
    };
    let gap = |left: usize, right: usize| match (layers.items[left].node, layers.items[right].node) {
        (None, None) => WAY_GAP,
        _ => NODE_GAP,
    };
    let mut x = vec![0.0; layers.items.len()];
    for pass in 0..PASSES {
        let down = pass % 2 == 0;
        let count = layers.layers.len();
        for step in 0..count {
            let layer = &layers.layers[if down { step } else { count - 1 - step }];
            settle(layer, &layers, down, pass == 0, &width, &gap, &mut x);
        }
    }
    let left = |item: usize| x[item] - width(item) / 2.0;
    let least = (0..x.len()).map(left).fold(f64::INFINITY, f64::min);
    let least = if least.is_finite() { least } else { 0.0 };
    let most = (0..x.len()).map(|item| x[item] + width(item) / 2.0).fold(0.0, f64::max);
    let mut tops = Vec::new();
    let mut y = 0.0;
    for layer in &layers.layers {
        let height = layer
            .iter()
            .filter_map(|item| layers.items[*item].node)
            .map(|node| graph.nodes[node].height)
            .fold(0.0, f64::max);
        tops.push((y, height));
        y += height + LAYER_GAP;
    }
    let x: Vec<f64> = x.iter().map(|x| x - least).collect();
    let lines = lines(&graph, &layers, &x, &tops);
    let tops: Vec<f64> = (0..graph.nodes.len())
        .map(|node| {
            let (top, height) = tops[layers.items[node].layer];
            top + (height - graph.nodes[node].height) / 2.0
        })
        .collect();
    let loops = lines.iter().any(|line| line.own);
    Layout {
        width: most - least + if loops { 24.0 } else { 0.0 },
        height: (y - LAYER_GAP).max(0.0),
        nodes: graph
            .nodes
            .into_iter()
            .enumerate()
            .map(|(index, node)| {
                let point = Point {
                    x: x[index],
                    y: tops[index],
                };
                (node, point)
            })
            .collect(),
        lines,
    }
}

/// Moves the items of a layer as near to their neighbours as their order and widths allow, by least squares.
fn settle(
    layer: &[usize],
    layers: &Layers,
    down: bool,
    first: bool,
    width: &impl Fn(usize) -> f64,
    gap: &impl Fn(usize, usize) -> f64,
    x: &mut [f64],
) {
    // With the widths of all items to the left subtracted, each place must be at least the one before.
    let mut offsets = vec![0.0];
    for pair in layer.windows(2) {
        let last = offsets.last().copied().unwrap_or(0.0);
        offsets.push(last + width(pair[0]) / 2.0 + gap(pair[0], pair[1]) + width(pair[1]) / 2.0);
    }
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (item, offset) in layer.iter().zip(&offsets) {
        let straight = |other: usize| -> f64 {
            // Long ways should be straight: a bend is more visible than a state off its middle.
            match (layers.items[*item].node, layers.items[other].node) {
                (None, None) => 16.0,
                (None, Some(_)) | (Some(_), None) => 1.0,
                (Some(_), Some(_)) => 2.0,
            }
        };
        let (mut pull, mut weight) = (0.0, 0.0);
        for (upper, lower) in &layers.links {
            let other = match (lower == item, upper == item) {
                (true, _) if down || !first => *upper,
                (_, true) if !first => *lower,
                _ => continue,
            };
            pull += x[other] * straight(other);
            weight += straight(other);
        }
        let (wanted, weight) = if weight > 0.0 {
            (pull / weight, weight)
        } else {
            (x[*item], 0.1)
        };
        blocks.push((wanted - offset, weight, 1));
        while let [.., (before, before_weight, before_count), (value, weight, count)] = blocks[..] {
            if before <= value {
                break;
            }
            let both = before_weight + weight;
            let mean = (before * before_weight + value * weight) / both;
            blocks.truncate(blocks.len() - 2);
            blocks.push((mean, both, before_count + count));
        }
    }
    let values = blocks
        .into_iter()
        .flat_map(|(value, _, count)| std::iter::repeat_n(value, count));
    for ((item, offset), value) in layer.iter().zip(offsets).zip(values) {
        x[*item] = value + offset;
    }
}

fn lines(graph: &Graph, layers: &Layers, x: &[f64], tops: &[(f64, f64)]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, edge) in graph.edges.iter().enumerate() {
        let route = &layers.routes[index];
        let upwards = layers.upwards[index];
        let mut points = Vec::new();
        for (place, item) in route.iter().enumerate() {
            let (top, height) = tops[layers.items[*item].layer];
            let x = x[*item];
            match layers.items[*item].node {
                None => points.extend([Point { x, y: top }, Point { x, y: top + height }]),
                Some(node) => {
                    let node = &graph.nodes[node];
                    let own_top = top + (height - node.height) / 2.0;
                    // Ways back stay to the right of ways forward.
                    let round = matches!(node.shape, Shape::Start | Shape::End);
                    let x = if upwards && !round { x + node.width / 4.0 } else { x };
                    let (near, far) = if place == 0 {
                        (own_top + node.height, top + height)
                    } else {
                        (top, own_top)
                    };
                    points.extend([Point { x, y: near }, Point { x, y: far }]);
                }
            }
        }
        if upwards {
            points.reverse();
        }
        let own = route.is_empty();
        if own {
            let node = &graph.nodes[edge.from];
            let (top, height) = tops[layers.items[edge.from].layer];
            let right = x[edge.from] + node.width / 2.0;
            let middle = top + height / 2.0;
            points = [middle - 9.0, middle + 9.0].map(|y| Point { x: right, y }).to_vec();
        }
        lines.push(Line {
            from: edge.from,
            to: edge.to,
            caught: edge.caught,
            why: edge.why.clone(),
            points,
            own,
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::graph::Edge;
    use super::*;

    fn graph(sizes: &[(u8, u8)], edges: &[(u8, u8, bool)]) -> Graph {
        let node = |(width, height): &(u8, u8)| Node {
            shape: Shape::Box,
            name: String::new(),
            kind: None,
            caption: String::new(),
            width: f64::from(*width) + 20.0,
            height: f64::from(*height) + 20.0,
            flows: Vec::new(),
        };
        let count = sizes.len();
        Graph {
            nodes: sizes.iter().map(node).collect(),
            edges: edges
                .iter()
                .map(|(from, to, caught)| Edge {
                    from: usize::from(*from) % count,
                    to: usize::from(*to) % count,
                    caught: *caught,
                    why: String::new(),
                })
                .collect(),
        }
    }

    proptest! {
        #[test]
        fn nodes_stay_apart_and_inside(
            sizes in prop::collection::vec(any::<(u8, u8)>(), 1..12),
            edges in prop::collection::vec(any::<(u8, u8, bool)>(), 0..30),
        ) {
            let layout = place(graph(&sizes, &edges));
            let inside = |x: f64, y: f64| {
                (-0.1..=layout.width + 0.1).contains(&x) && (-0.1..=layout.height + 0.1).contains(&y)
            };
            for (index, (node, at)) in layout.nodes.iter().enumerate() {
                let (left, right) = (at.x - node.width / 2.0, at.x + node.width / 2.0);
                prop_assert!(inside(left, at.y) && inside(right, at.y + node.height));
                for (other, there) in &layout.nodes[index + 1..] {
                    let beside = (at.x - there.x).abs() + 0.1 >= f64::midpoint(node.width, other.width);
                    let below = at.y + node.height <= there.y || there.y + other.height <= at.y;
                    prop_assert!(beside || below);
                }
            }
            prop_assert_eq!(layout.lines.len(), edges.len());
            for point in layout.lines.iter().flat_map(|line| &line.points) {
                prop_assert!(inside(point.x, point.y));
            }
        }
    }
}
