//! Sets of small numbers, one a row: what is known of each step fits in a row of bits, and joining two is quick.

/// Rows of bits of one width.
#[derive(Debug, Clone)]
pub(super) struct BitRows {
    words: usize,
    bits: Vec<u64>,
}

const WORD: usize = u64::BITS as usize;

impl BitRows {
    /// Rows that are all empty.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let words = columns.div_ceil(WORD);
        Self { words, bits: vec![0; rows * words] }
    }

    /// A row.
    pub(super) fn row(&self, row: usize) -> &[u64] {
        self.bits.get(row * self.words..(row + 1) * self.words).unwrap_or_default()
    }

    fn row_mut(&mut self, row: usize) -> &mut [u64] {
        self.bits.get_mut(row * self.words..(row + 1) * self.words).unwrap_or_default()
    }

    /// Whether a number is in a row.
    pub(super) fn has(&self, row: usize, column: usize) -> bool {
        has(self.row(row), column)
    }

    /// Puts a number into a row.
    pub(super) fn insert(&mut self, row: usize, column: usize) {
        insert(self.row_mut(row), column);
    }

    /// Adds all of one row to another.
    pub(super) fn add_row(&mut self, from: usize, to: usize) {
        let words = self.words;
        let (from, to) = (from * words, to * words);
        for word in 0..words {
            let added = self.bits.get(from + word).copied().unwrap_or_default();
            if let Some(bits) = self.bits.get_mut(to + word) {
                *bits |= added;
            }
        }
    }

    /// Sets a row.
    pub(super) fn set_row(&mut self, row: usize, bits: &[u64]) {
        let target = self.row_mut(row);
        assert_eq!(target.len(), bits.len(), "rows of one matrix have one width");
        target.copy_from_slice(bits);
    }

    /// Takes out of one row what is in a row of other rows of the same width.
    pub(super) fn remove_row(&mut self, row: usize, other: &Self, of: usize) {
        for (bits, taken) in self.row_mut(row).iter_mut().zip(other.row(of)) {
            *bits &= !taken;
        }
    }

    /// A row of this width that is empty.
    pub(super) fn empty(&self) -> Vec<u64> {
        vec![0; self.words]
    }
}

/// Whether a number is in a set.
pub(super) fn has(set: &[u64], number: usize) -> bool {
    set.get(number / WORD).is_some_and(|word| word >> (number % WORD) & 1 == 1)
}

/// Puts a number into a set.
pub(super) fn insert(set: &mut [u64], number: usize) {
    if let Some(word) = set.get_mut(number / WORD) {
        *word |= 1 << (number % WORD);
    }
}

/// Adds all of another set.
pub(super) fn add(set: &mut [u64], other: &[u64]) {
    for (word, added) in set.iter_mut().zip(other) {
        *word |= added;
    }
}

/// Keeps what is in another set too.
pub(super) fn keep(set: &mut [u64], other: &[u64]) {
    for (word, kept) in set.iter_mut().zip(other) {
        *word &= kept;
    }
}

/// The numbers that are in both sets.
pub(super) fn common(left: &[u64], right: &[u64]) -> Vec<usize> {
    let mut numbers = Vec::new();
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        let mut word = left & right;
        while word != 0 {
            numbers.push(index * WORD + word.trailing_zeros() as usize);
            word &= word - 1;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_their_own_numbers() {
        let mut rows = BitRows::new(3, 130);
        rows.insert(0, 129);
        rows.insert(1, 3);
        rows.add_row(0, 1);
        assert!(rows.has(1, 129) && rows.has(1, 3) && !rows.has(0, 3) && !rows.has(2, 129));
        assert_eq!(common(rows.row(1), rows.row(0)), [129]);
        assert_eq!(common(rows.row(1), rows.row(1)), [3, 129]);
        let mut kept = rows.row(1).to_vec();
        keep(&mut kept, rows.row(0));
        assert!(has(&kept, 129) && !has(&kept, 3));
        let other = rows.clone();
        rows.remove_row(1, &other, 0);
        assert!(rows.has(1, 3) && !rows.has(1, 129));
    }
}
