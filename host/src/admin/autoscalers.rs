//! `/v1/autoscalers`

use axum::Json;

use super::extract::Running;
use super::problem::Problem;
use super::view;
use crate::app::Host;
use crate::observe::metrics::{
    AUTOSCALER_DESIRED, AUTOSCALER_MAX, AUTOSCALER_MIN, AUTOSCALER_SLOTS, AUTOSCALER_TARGET,
    AUTOSCALER_UTILIZATION,
};

/// How the app's contexts are scaled
#[utoipa::path(get, path = "/v1/autoscalers", tag = "contexts", responses(
    (status = 200, body = view::Autoscalers),
    (status = 503, description = "the app is still starting")
))]
pub(super) async fn list(Running(host): Running) -> Result<Json<view::Autoscalers>, Problem> {
    let autoscalers = host.autoscalers.list();
    Ok(Json(view::Autoscalers {
        autoscalers: autoscalers.into_iter().map(Into::into).collect(),
    }))
}

/// Takes their levels, for Prometheus.
pub(super) fn take_levels(host: &Host) {
    for status in host.autoscalers.list() {
        let levels = [
            (AUTOSCALER_SLOTS, status.slots),
            (AUTOSCALER_DESIRED, status.desired),
            (AUTOSCALER_MIN, status.min),
            (AUTOSCALER_MAX, status.max),
            (AUTOSCALER_UTILIZATION, status.utilization),
            (AUTOSCALER_TARGET, u32::from(status.target)),
        ];
        for (name, level) in levels {
            ::metrics::gauge!(name, "context" => &status.context).set(f64::from(level));
        }
    }
}
