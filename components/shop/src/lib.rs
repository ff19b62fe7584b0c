//! The contexts of shop together: see `tests`.
