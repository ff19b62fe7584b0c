//! Versions: brought, proved, swapped under load, taken back.

mod kills;
mod ramps;
mod swapping;
mod uploads;
