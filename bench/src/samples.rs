//! The figures of several rounds.

/// What was measured in each round, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// The figure of one round more.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// All of them.
    pub fn all(&self) -> &[f64] {
        &self.0
    }

    /// The one in the middle, or the mean of the two that are; nothing without any.
    pub fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            length if length % 2 == 1 => Some(sorted[middle]),
            _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
        }
    }

    /// How far the one furthest from the median is from it, as a part of it; nothing where there is but one.
    pub fn spread(&self) -> Option<f64> {
        let median = self.median().filter(|median| *median != 0.0 && self.0.len() > 1)?;
        let furthest = self.0.iter().map(|figure| (figure - median).abs()).fold(0.0, f64::max);
        Some(furthest / median)
    }

    /// The median of the ratios, round by round. Both were measured one after the other in each, so what
    /// the machine did beside that has slowed down both.
    pub fn ratio(&self, to: &Self) -> Option<f64> {
        let pairs = self.0.iter().zip(&to.0).filter(|(_, to)| **to != 0.0);
        Self(pairs.map(|(figure, to)| figure / to).collect()).median()
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<T: IntoIterator<Item = f64>>(figures: T) -> Self {
        Self(figures.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(figures: &[f64]) -> Samples {
        figures.iter().copied().collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(samples(&[9.0, 1.0, 2.0]).median(), Some(2.0));
        assert_eq!(samples(&[9.0, 1.0, 2.0, 4.0]).median(), Some(3.0));
        assert_eq!(samples(&[]).median(), None);
    }

    #[test]
    fn the_spread_is_that_of_the_figure_furthest_from_the_median() {
        assert_eq!(samples(&[8.0, 10.0, 15.0]).spread(), Some(0.5));
        assert_eq!(samples(&[10.0]).spread(), None, "one figure says nothing about others");
        assert_eq!(samples(&[0.0, 0.0]).spread(), None);
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The machine was ten times as slow in the second round, for both.
        assert_eq!(samples(&[10.0, 1.0, 12.0]).ratio(&samples(&[5.0, 0.5, 6.0])), Some(2.0));
        assert_eq!(samples(&[10.0]).ratio(&samples(&[])), None);
        assert_eq!(samples(&[10.0]).ratio(&samples(&[0.0])), None);
    }
}
