//! The layer of each node, and the passages of long ways on the layers between.

use std::collections::BTreeMap;

use super::graph::{Edge, Graph};

/// A graph in layers: ways lead from one layer to the next.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// The items on the layers: nodes and passages of ways.
    pub items: Vec<Item>,
    /// The items of each layer, from the left.
    pub layers: Vec<Vec<usize>>,
    /// The pairs of items that a way joins, the upper one first.
    pub links: Vec<(usize, usize)>,
    /// The items that each edge passes, from the top; empty for one that leads back to its own node.
    pub routes: Vec<Vec<usize>>,
    /// For each edge: true if it leads upwards.
    pub upwards: Vec<bool>,
}

/// An item on a layer.
#[derive(Debug)]
pub(super) struct Item {
    pub layer: usize,
    /// The node; none for a passage.
    pub node: Option<usize>,
}

impl Layers {
    /// Puts a graph into layers.
    pub fn of(graph: &Graph) -> Self {
        let count = graph.nodes.len();
        let (upwards, order) = walk(graph);
        let mut rank = vec![0_usize; count];
        for node in order {
            for (edge, upwards) in graph.edges.iter().zip(&upwards) {
                let (above, below) = ends(edge, *upwards);
                if above == node && below != node {
                    rank[below] = rank[below].max(rank[node] + 1);
                }
            }
        }
        let mut layers = Self {
            items: (0..count)
                .map(|node| Item {
                    layer: rank[node],
                    node: Some(node),
                })
                .collect(),
            upwards,
            ..Self::default()
        };
        layers.route(graph, &rank);
        let deepest = rank.iter().copied().max().unwrap_or(0);
        layers.layers = vec![Vec::new(); deepest + 1];
        for (index, item) in layers.items.iter().enumerate() {
            layers.layers[item.layer].push(index);
        }
        layers
    }

    /// Gives every edge the items that it passes. Edges to one target share their passages: they arrive as one.
    fn route(&mut self, graph: &Graph, rank: &[usize]) {
        let mut passages: BTreeMap<(usize, bool, Option<usize>, usize), usize> = BTreeMap::new();
        for (index, edge) in graph.edges.iter().enumerate() {
            let (above, below) = ends(edge, self.upwards[index]);
            if above == below {
                self.routes.push(Vec::new());
                continue;
            }
            let own = self.upwards[index].then_some(index);
            let mut route = vec![above];
            for layer in rank[above] + 1..rank[below] {
                let next = self.items.len();
                let passage = *passages.entry((below, edge.caught, own, layer)).or_insert(next);
                if passage == next {
                    self.items.push(Item { layer, node: None });
                }
                route.push(passage);
            }
            route.push(below);
            for pair in route.windows(2) {
                let link = (pair[0], pair[1]);
                if !self.links.contains(&link) {
                    self.links.push(link);
                }
            }
            self.routes.push(route);
        }
    }
}

fn ends(edge: &Edge, upwards: bool) -> (usize, usize) {
    if upwards {
        (edge.to, edge.from)
    } else {
        (edge.from, edge.to)
    }
}

/// Walks the graph depth first. Returns for each edge whether it leads back, and the nodes in order from the start.
fn walk(graph: &Graph) -> (Vec<bool>, Vec<usize>) {
    let count = graph.nodes.len();
    let mut upwards = vec![false; graph.edges.len()];
    // 0: not seen; 1: on the way; 2: done.
    let mut seen = vec![0_u8; count];
    let mut done = Vec::with_capacity(count);
    for start in 0..count {
        if seen[start] != 0 {
            continue;
        }
        seen[start] = 1;
        let mut way = vec![(start, 0_usize)];
        while let Some((node, next)) = way.pop() {
            let Some((offset, edge)) = graph.edges[next..]
                .iter()
                .enumerate()
                .find(|(_, edge)| edge.from == node)
            else {
                seen[node] = 2;
                done.push(node);
                continue;
            };
            way.push((node, next + offset + 1));
            match seen[edge.to] {
                0 => {
                    seen[edge.to] = 1;
                    way.push((edge.to, 0));
                }
                1 => upwards[next + offset] = true,
                _ => {}
            }
        }
    }
    done.reverse();
    (upwards, done)
}
