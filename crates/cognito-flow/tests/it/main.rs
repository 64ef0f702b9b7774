//! Sign-ins with a pool and a person that say anything.

#![expect(clippy::panic, reason = "a test ends at the first surprise")]

#[expect(
    unreachable_pub,
    reason = "the fuzz targets have it as a module of a library"
)]
mod script;

use std::collections::BTreeSet;

use cognito_flow::{Challenge, FlowKind};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

fn any_script() -> impl Strategy<Value = Vec<u8>> {
    // Zeros are what is in turn: with them, scripts go on for longer.
    let byte = prop_oneof![3 => Just(0), 2 => any::<u8>()];
    prop::collection::vec(byte, 0..160)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_replies_and_answers_break_a_promise(script in any_script()) {
        script::run(&script);
    }
}

/// Else the promises would be kept by sign-ins that go nowhere.
#[test]
fn the_scripts_reach_every_challenge_and_end_every_flow_with_tokens() {
    let mut runner = TestRunner::deterministic();
    let (mut asked, mut ended) = (BTreeSet::new(), BTreeSet::new());
    let step = |challenge: &Challenge| (challenge.name(), challenge.next_step().sign_in_step);
    let challenges: BTreeSet<_> = Challenge::samples().iter().map(step).collect();
    for _ in 0..1_000 {
        let script = any_script().new_tree(&mut runner).unwrap().current();
        let seen = script::run(&script);
        asked.extend(seen.asked);
        ended.extend(seen.tokens.then_some(seen.flow.name()));
        if challenges.is_subset(&asked) && ended.len() == FlowKind::ALL.len() {
            return;
        }
    }
    panic!("asked: {asked:?} of {challenges:?}; ended: {ended:?}");
}
