//! Versions: brought, proved, swapped under load, taken back.

mod gallery;
mod kills;
mod moving;
mod ramps;
mod swapping;
mod uploads;
