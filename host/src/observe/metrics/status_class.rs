//! The classes of statuses, as metrics tell them apart.

use http::StatusCode;

/// The classes, in order.
pub const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The place of a status among them. What is beyond those of RFC 9110 is an error of whoever says it, so it counts as the last.
pub fn status_class(status: StatusCode) -> usize {
    let class = usize::from(status.as_u16() / 100).saturating_sub(1);
    class.min(STATUS_CLASSES.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_is_of_a_class() {
        for (status, class) in [
            (100, "1xx"),
            (204, "2xx"),
            (499, "4xx"),
            (503, "5xx"),
            (999, "5xx"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(STATUS_CLASSES[status_class(status)], class);
        }
    }
}
