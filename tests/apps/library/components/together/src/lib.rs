//! The contexts of the library together: see `tests`.
