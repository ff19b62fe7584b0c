//! Standard components run unmodified: what they keep by `wasi:keyvalue` is transactional, and they are gated, swapped and limited like any context.

mod buckets;
mod chance;
mod gates;
mod observed;
mod outside;
mod outsider;
mod requests;

pub(crate) use outside::asks_by_the_same_door;

use innkeeper_tests::Settings;

/// The routes of `visitors`, some of them short.
const ROUTES: [&str; 14] = [
    "/visitors/*",
    "POST /incremented/{bucket}/{name}/{delta}",
    "/many/*",
    "/long/*",
    "/echo/*",
    "GET /printed",
    "GET /configured/{name}",
    "GET /silent",
    "GET /forgetful",
    "GET /failing",
    "GET /unfinished/{how}",
    "GET /leaking",
    "GET /sized/{length}",
    "GET /headed/{name}/{value}",
];

/// One standard component, which was built with no SDK of ours.
async fn visitors() -> Settings {
    Settings::empty()
        .with("visitors", "visitors")
        .await
        .set("context.visitors.routes", ROUTES.to_vec())
}
