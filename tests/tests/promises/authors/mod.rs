//! What a context's author has of the command line.

mod stuck;
mod watching;
