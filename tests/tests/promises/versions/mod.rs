//! Versions: brought, proved, swapped under load, rolled back.

mod event_types;
mod evidence;
mod gallery;
mod kills;
mod moving;
mod ramps;
mod records;
mod restarts;
mod swapping;
mod uploads;
mod wiring;
