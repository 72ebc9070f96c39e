//! Money, counted in whole millionths of a US dollar.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Millionths of a US dollar. A thousand tokens of a cheap model cost less than a cent, and sums must not drift as those
/// of fractions do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroUsd(pub i64);

const PER_DOLLAR: i64 = 1_000_000;

impl MicroUsd {
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// `$1.50`, and as many digits as a smaller amount needs: `$0.000042`.
impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (dollars, rest) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let digits = format!("{rest:06}");
        let shown = digits.trim_end_matches('0');
        write!(f, "{sign}${dollars}.{shown:0<2}")
    }
}

/// Dollars: `1.50`, `20`, `$0.05`. More than six digits after the point, a sign and a comma are refused.
impl FromStr for MicroUsd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not an amount in US dollars; write it like 1.50");
        let bare = text.trim();
        let bare = bare.strip_prefix('$').unwrap_or(bare);
        let (dollars, rest) = bare.split_once('.').unwrap_or((bare, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(dollars) || !is_number(rest) || rest.len() > 6 {
            return Err(wrong());
        }
        let dollars: i64 = dollars.parse().map_err(|_| wrong())?;
        let rest: i64 = format!("{rest:0<6}").parse().map_err(|_| wrong())?;
        let whole = dollars.checked_mul(PER_DOLLAR).ok_or_else(wrong)?;
        whole.checked_add(rest).map(Self).ok_or_else(wrong)
    }
}

/// An amount that is written as a number: `1`, `0.075`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dollars(pub MicroUsd);

/// For people who look at a configuration; it is read from the exact amount.
impl Serialize for Dollars {
    #[expect(
        clippy::cast_precision_loss,
        reason = "an amount that is written by hand has few digits"
    )]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.0 as f64 / PER_DOLLAR as f64)
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        // A float is written with the digits that it was read from.
        let amount = number.to_string().parse().map_err(D::Error::custom)?;
        Ok(Self(amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown() {
        let check = |text: &str, expect: i64, shown: &str| {
            let amount: MicroUsd = text.parse().unwrap();
            assert_eq!(
                (amount, amount.to_string().as_str()),
                (MicroUsd(expect), shown),
                "{text}"
            );
        };
        check("1.50", 1_500_000, "$1.50");
        check("$20", 20_000_000, "$20.00");
        check("0.000042", 42, "$0.000042");
        check("0.1", 100_000, "$0.10");
        check("0", 0, "$0.00");
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1,50",
            "1e3",
            "1.0000001",
            "ten",
            "99999999999999999999",
        ] {
            assert!(wrong.parse::<MicroUsd>().is_err(), "{wrong}");
        }
        assert_eq!(MicroUsd(-1_500_000).to_string(), "-$1.50");
    }
}
