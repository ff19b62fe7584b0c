//! What a context's author has of the command line.

mod commands;
mod languages;
mod own_tests;
mod sdk;
mod stuck;
mod watching;
