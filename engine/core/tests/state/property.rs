//! Random runbooks, with failures, unknowns, denials, silence, people and crashes, in virtual time.

use crate::shapes::Shape;
use crate::world::{Dice, try_plan};

#[test]
fn acceptance() {
    let mut good = 0;
    let mut why = std::collections::BTreeMap::new();
    for seed in 0..2000 {
        let shape = Shape::random(&mut Dice(seed));
        match try_plan(&shape.text()) {
            Ok(_) => good += 1,
            Err(errors) => {
                for e in errors {
                    let n = why.entry(e).or_insert((0, seed));
                    n.0 += 1;
                }
            }
        }
    }
    println!("{good} {why:#?}");
}
