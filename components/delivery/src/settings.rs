//! What operators may set.

use serde::Deserialize;

/// What operators may set.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a delivery takes.
    pub delivery_time: DeliveryTime,
}

/// A time, written `500ms`, `2s`, `1m` or `24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DeliveryTime(u64);

impl DeliveryTime {
    /// The time in milliseconds.
    pub fn milliseconds(self) -> u64 {
        self.0
    }
}

impl Default for DeliveryTime {
    fn default() -> Self {
        Self(2000)
    }
}

impl TryFrom<String> for DeliveryTime {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit());
        let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
        let milliseconds = match unit {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        let number: Option<u64> = number.parse().ok();
        number
            .zip(milliseconds)
            .and_then(|(number, each)| number.checked_mul(each))
            .map(Self)
            .ok_or("a time is written 500ms, 2s, 1m or 24h")
    }
}
