//! A context that does nothing: it answers nothing and follows nothing, so an app may have any number of it.

innkeeper_sdk::context! {
    summary: "Is there.",
}
