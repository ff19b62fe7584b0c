//! What a context's author has of the command line.

mod commands;
mod first_steps;
mod languages;
mod own_tests;
mod panics;
mod sdk;
mod status;
mod stuck;
mod watching;
