//! The contexts of stay together: see `tests`.
