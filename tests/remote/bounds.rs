//! What is printed there without end: it is bounded on the disk there, and it is seen here that something is missing.

use std::fs;

use runbook_tests::until::until;

use crate::attached::{gate, open_gate};
use runbook_tests::far::Far;

/// Bytes that are kept there, and here.
const KEPT_THERE: u64 = 257 << 20;
const KEPT_HERE: u64 = 256 << 20;

#[test]
fn what_is_printed_beyond_what_is_kept_is_cut_off_there() {
    let far = Far::one();
    far.write(
        "
steps:
  print:
    act: It prints much
    on: web1
    script: |
      echo first
      head -c 700000000 /dev/zero
      echo printed >> $WORK/count
      cat $WORK/go
      echo trouble >&2
    expect: exit_code == 0 && stderr == 'trouble'
",
    );
    gate(far.desk.work());
    let run = far.start(&["run", "try"]);
    until(|| match far.desk.count("count") {
        1 => Ok(()),
        _ => Err("it prints".to_owned()),
    });
    // It waits, and nobody has asked for less.
    until(|| {
        let kept = far.host(1).kept();
        let bytes = kept.first().and_then(|one| fs::metadata(one.join("out")).ok()).map(|out| out.len());
        if bytes == Some(KEPT_THERE) { Ok(()) } else { Err(format!("{bytes:?} bytes lie there")) }
    });
    open_gate(far.desk.work());
    run.end().ended(0);
    let story = far.desk.story();
    let output = &story.of("step.output", Some("print")).next().unwrap()["d"];
    assert_eq!((output["bytes"].as_u64(), output["kept"].as_u64()), (Some(KEPT_THERE), Some(KEPT_HERE)));
    assert!(output["head"].as_str().unwrap().starts_with("first\n"), "its beginning is kept");
    far.nothing_left();
    far.do_it(&["audit", "verify", "latest"]).ended(0);
}
