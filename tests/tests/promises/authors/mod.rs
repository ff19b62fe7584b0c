//! What a context's author has of the command line.

mod commands;
mod languages;
mod stuck;
mod watching;
