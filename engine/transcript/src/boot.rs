//! `bt`, the milliseconds since a machine's boot: they only grow, as long as the boot is the same.

use serde_json::{Map, Value};

use crate::kind::BOOT_ID;

/// Where a transcript stands in the time of its machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootTime {
    boot: Option<String>,
    floor: u64,
}

impl BootTime {
    /// The least `bt` an entry with this `d` may have: that of the entry before, or zero in another boot.
    #[must_use]
    pub fn floor_for(&self, d: &Map<String, Value>) -> u64 {
        match d.get(BOOT_ID).and_then(Value::as_str) {
            Some(boot) if self.boot.as_deref() != Some(boot) => 0,
            _ => self.floor,
        }
    }

    /// Takes an entry in.
    pub fn advance(&mut self, bt: u64, d: &Map<String, Value>) {
        if let Some(boot) = d.get(BOOT_ID).and_then(Value::as_str)
            && self.boot.as_deref() != Some(boot)
        {
            self.boot = Some(boot.to_owned());
        }
        self.floor = bt;
    }

    /// The boot id that was named last.
    #[must_use]
    pub fn boot(&self) -> Option<&str> {
        self.boot.as_deref()
    }
}
