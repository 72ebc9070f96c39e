//! Vectors as they are kept: a byte per number.
//!
//! Only directions are compared, so a vector is stretched until its largest number is 127 and rounded. Of a vector of 384
//! numbers that takes a quarter of the room and changes a cosine in the third decimal.

/// The direction of a text in one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vector(Vec<u8>);

impl Vector {
    /// `None` when the numbers have no direction.
    pub(crate) fn of(numbers: &[f32]) -> Option<Self> {
        let largest = numbers
            .iter()
            .fold(0.0_f32, |largest, number| largest.max(number.abs()));
        if !largest.is_finite() || largest <= 0.0 || numbers.iter().any(|number| !number.is_finite()) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "no number is larger than the largest, so all are within -127 and 127"
        )]
        let byte = |number: &f32| ((number / largest * 127.0).round() as i8).to_ne_bytes()[0];
        Some(Self(numbers.iter().map(byte).collect()))
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// 1 for the same direction, 0 for nothing in common. Vectors of different lengths have nothing in common.
    pub(crate) fn cosine(&self, other: &Self) -> f64 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        let (mut product, mut one, mut two) = (0_i32, 0_i32, 0_i32);
        for (a, b) in self.0.iter().zip(&other.0) {
            let (a, b) = (i32::from(i8::from_ne_bytes([*a])), i32::from(i8::from_ne_bytes([*b])));
            product += a * b;
            one += a * a;
            two += b * b;
        }
        let lengths = f64::from(one).sqrt() * f64::from(two).sqrt();
        if lengths > 0.0 {
            f64::from(product) / lengths
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_survive_being_kept() {
        let check = |one: &[f32], two: &[f32], expect: f64| {
            let kept = |numbers| Vector::from_bytes(Vector::of(numbers).unwrap().as_bytes().to_vec());
            let cosine = kept(one).cosine(&kept(two));
            assert!((cosine - expect).abs() < 0.01, "{one:?} {two:?}: {cosine}");
        };
        check(&[1.0, 0.0], &[2.0, 0.0], 1.0);
        check(&[1.0, 0.0], &[0.0, -3.0], 0.0);
        check(&[1.0, 1.0], &[-1.0, -1.0], -1.0);
        check(&[0.6, 0.8], &[0.8, 0.6], 0.96);
        check(&[1.0], &[1.0, 0.0], 0.0);
        assert_eq!(Vector::of(&[0.0, 0.0]), None);
        assert_eq!(Vector::of(&[]), None);
        assert_eq!(Vector::of(&[f32::NAN, 1.0]), None);
        assert_eq!(Vector::of(&[f32::INFINITY]), None);
    }
}
