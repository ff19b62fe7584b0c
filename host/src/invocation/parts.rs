//! What floors above keep for a context, so that a context need not know of them: a part for each, which lives as long as the context.

use std::any::Any;
use std::sync::OnceLock;

/// Parts of different types, each made when it is first asked for. There are a handful, so they are looked through.
#[derive(Default)]
pub(super) struct Parts(OnceLock<Box<Part>>);

struct Part {
    part: Box<dyn Any + Send + Sync>,
    others: Parts,
}

impl Parts {
    /// The part of this type.
    pub(super) fn of<T: Any + Send + Sync + Default>(&self) -> &T {
        let one = self.0.get_or_init(|| {
            Box::new(Part {
                part: Box::new(T::default()),
                others: Self::default(),
            })
        });
        match one.part.downcast_ref() {
            Some(part) => part,
            None => one.others.of(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

    use super::*;

    #[test]
    fn each_type_has_one_part() {
        let parts = Parts::default();
        parts.of::<AtomicU8>().store(1, Ordering::Relaxed);
        parts.of::<AtomicU16>().store(2, Ordering::Relaxed);
        assert_eq!(parts.of::<AtomicU8>().load(Ordering::Relaxed), 1);
        assert_eq!(parts.of::<AtomicU16>().load(Ordering::Relaxed), 2);
    }
}
