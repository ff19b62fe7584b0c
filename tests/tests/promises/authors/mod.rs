//! What a context's author has of the command line.

mod commands;
mod stuck;
mod watching;
