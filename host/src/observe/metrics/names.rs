//! What is measured.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Invocations that ended, by context, kind and outcome.
pub const INVOCATIONS: &str = "innkeeper_invocations_total";
/// How long invocations took, by context and kind.
pub const INVOCATION_DURATION: &str = "innkeeper_invocation_duration_seconds";
/// Requests answered from the response cache, by context.
pub const ANSWERS_REUSED: &str = "innkeeper_answers_reused_total";
/// Invocations that are running, by context.
pub const INVOCATIONS_RUNNING: &str = "innkeeper_invocations_running";
/// Invocations that wait for a place, by context.
pub const INVOCATIONS_WAITING: &str = "innkeeper_invocations_waiting";
/// Commits, by context.
pub const COMMITS: &str = "innkeeper_commits_total";
/// Units of work rejected because a concurrent commit conflicted, by context.
pub const CONFLICTS: &str = "innkeeper_conflicts_total";
/// Events handled, by context.
pub const EVENTS_HANDLED: &str = "innkeeper_events_handled_total";
/// Failed attempts to handle an event that will be retried, by context.
pub const EVENTS_RETRIED: &str = "innkeeper_events_retried_total";
/// Events that became dead letters, by context.
pub const EVENTS_DEAD_LETTERED: &str = "innkeeper_events_dead_lettered_total";
/// Events that a follower has yet to handle, by context and source.
pub const FOLLOWER_LAG: &str = "innkeeper_follower_lag_events";
/// Timers that fired, by context.
pub const TIMERS_FIRED: &str = "innkeeper_timers_fired_total";
/// Calls from other contexts, by the context that was called and outcome.
pub const CALLS: &str = "innkeeper_calls_total";
/// How long requests and calls took that were let through, by caller and callee.
pub const EDGE_DURATION: &str = "innkeeper_edge_duration_seconds";
/// Calls whose compensation is pending, by the context that undoes them.
pub const COMPENSATIONS_PENDING: &str = "innkeeper_compensations_pending";
/// Calls that were undone, by the context that undid them.
pub const COMPENSATIONS: &str = "innkeeper_compensations_total";
/// Calls that wait for an operator, since undoing them was refused too often, or what is on record of them cannot be read.
pub const COMPENSATIONS_STUCK: &str = "innkeeper_compensations_stuck_total";
/// Times that what was to be undone could not be reached for `limits.stuck_after`: once for all that waits for the same.
pub const COMPENSATIONS_OVERDUE: &str = "innkeeper_compensations_overdue_total";
/// Runs whose calls were undone because they took another course when they were run again.
pub const RUNS_ABANDONED: &str = "innkeeper_runs_abandoned_total";
/// Where a circuit breaker stands, by caller and callee: 0 closed, 1 open, 2 half-open.
pub const BREAKER_STATE: &str = "innkeeper_circuit_breaker_state";
/// Requests and calls that a circuit breaker turned away, by caller, callee and reason.
pub const BREAKER_REJECTED: &str = "innkeeper_circuit_breaker_rejected_total";
/// Faults that were injected, by context and kind.
pub const FAULTS_INJECTED: &str = "innkeeper_faults_injected_total";
/// Times that a circuit breaker opened, by caller and callee.
pub const BREAKER_OPENED: &str = "innkeeper_circuit_breaker_opened_total";
/// Versions that were restarted because they failed, by context and reason.
pub const RESTARTS: &str = "innkeeper_restarts_total";
/// Probes that failed, by context and probe.
pub const PROBE_FAILURES: &str = "innkeeper_probe_failures_total";
/// Whether a context takes work, 1 or 0.
pub const CONTEXT_READY: &str = "innkeeper_context_ready";
/// Swaps of versions, by context.
pub const SWAPS: &str = "innkeeper_swaps_total";
/// How long it took to decide on a swap and to exchange the versions, by context; without the wait for the disk.
pub const SWAP_DURATION: &str = "innkeeper_swap_duration_seconds";
/// Requests answered at the public port, by status class.
pub const HTTP_REQUESTS: &str = "innkeeper_http_requests_total";
/// How long requests took at the public port, by context, method, route and status class.
pub const HTTP_REQUEST_DURATION: &str = "innkeeper_http_request_duration_seconds";
/// Lines of the access log that were dropped.
pub const ACCESS_LOG_DROPPED: &str = "innkeeper_access_log_dropped_total";
/// Open connections at the public port.
pub const HTTP_CONNECTIONS: &str = "innkeeper_http_connections";

/// How long requests to the outside took, by context, origin and outcome.
pub const OUTBOUND_REQUEST_DURATION: &str = "innkeeper_outbound_request_duration_seconds";

/// How long guests have computed, by context, in microseconds.
pub const CPU: &str = "innkeeper_cpu_microseconds_total";
/// Requests that were refused at the operators' port, by reason.
pub const OPERATORS_REFUSED: &str = "innkeeper_operators_refused_total";

/// What is held in memory for invocations, and of answers that may be given again, in bytes.
pub const MEMORY_HELD: &str = "innkeeper_memory_held_bytes";
/// What may be held of either, in bytes.
pub const MEMORY_LIMIT: &str = "innkeeper_memory_limit_bytes";

/// Lines of guests that were left out of the log, by context.
pub const LOG_LINES_DROPPED: &str = "innkeeper_log_lines_dropped_total";
/// Their bytes, by context.
pub const LOG_BYTES_DROPPED: &str = "innkeeper_log_bytes_dropped_total";
/// What a context keeps, by context and resource.
pub const QUOTA_USED: &str = "innkeeper_quota_used";
/// Storage that a context may use, by context and resource.
pub const QUOTA_LIMIT: &str = "innkeeper_quota_limit";
/// Bytes that are free where the journals are.
pub const DISK_FREE: &str = "innkeeper_disk_free_bytes";
/// Bytes that are to stay free there.
pub const DISK_FREE_LIMIT: &str = "innkeeper_disk_free_limit_bytes";
/// Invocations that failed because a quota was used up, by context and resource, or the volume: `disk`.
pub const QUOTA_REFUSALS: &str = "innkeeper_quota_refusals_total";

/// Events that were published to NATS.
pub const NATS_PUBLISHED: &str = "innkeeper_nats_published_total";
/// Events waiting to be published to NATS.
pub const NATS_LAG: &str = "innkeeper_nats_relay_lag_events";
/// Messages on NATS that have yet to be read, by source and subject.
pub const NATS_SUBSCRIPTION_LAG: &str = "innkeeper_nats_subscription_lag_messages";
/// Whether messages are being read from NATS, 1 or 0, by source and subject.
pub const NATS_SUBSCRIPTION_UP: &str = "innkeeper_nats_subscription_up";
/// Messages that a stream dropped before they were read, by source and subject.
pub const NATS_SUBSCRIPTION_DROPPED: &str = "innkeeper_nats_subscription_dropped_total";
/// How often a stream came back without messages that had been read, or was replaced, by source, subject and kind.
pub const NATS_SUBSCRIPTION_DISTURBED: &str = "innkeeper_nats_subscription_disturbed_total";
/// Repeated events that were skipped, by source and subject.
pub const NATS_SUBSCRIPTION_DUPLICATES: &str = "innkeeper_nats_subscription_duplicates_total";
/// Events that cannot be published to NATS and wait for an operator.
pub const NATS_DEAD_LETTERS: &str = "innkeeper_nats_relay_dead_letters";
/// Whether events are being published to NATS, 1 or 0.
pub const NATS_UP: &str = "innkeeper_nats_up";

/// Slots of a context that is scaled, by context.
pub const AUTOSCALER_SLOTS: &str = "innkeeper_autoscaler_slots";
/// How many slots a context should have, by context.
pub const AUTOSCALER_DESIRED: &str = "innkeeper_autoscaler_desired";
/// How many slots a context has at least, by context.
pub const AUTOSCALER_MIN: &str = "innkeeper_autoscaler_min";
/// How many slots a context has at most, by context.
pub const AUTOSCALER_MAX: &str = "innkeeper_autoscaler_max";
/// Which part of its slots a context has used, or waited for, in percent, by context.
pub const AUTOSCALER_UTILIZATION: &str = "innkeeper_autoscaler_utilization_percent";
/// Which part of its slots a context is to use, in percent, by context.
pub const AUTOSCALER_TARGET: &str = "innkeeper_autoscaler_target_percent";
/// Changes of the number of slots, by context and direction.
pub const AUTOSCALER_SCALINGS: &str = "innkeeper_autoscaler_scalings_total";
/// Loads of versions that were out of memory, by context and outcome.
pub const LOADS: &str = "innkeeper_version_loads_total";
/// How long such a load took, by context.
pub const LOAD_DURATION: &str = "innkeeper_version_load_duration_seconds";
/// Idle versions that left memory, by context.
pub const UNLOADS: &str = "innkeeper_version_unloads_total";

/// Tells the recorder what each of them means.
pub(super) fn describe() {
    describe_gauge!(
        AUTOSCALER_SLOTS,
        "Slots of a context that is scaled, by context."
    );
    describe_gauge!(
        AUTOSCALER_DESIRED,
        "How many slots a context should have, by context."
    );
    describe_gauge!(
        AUTOSCALER_MIN,
        "How many slots a context has at least, by context."
    );
    describe_gauge!(
        AUTOSCALER_MAX,
        "How many slots a context has at most, by context."
    );
    describe_gauge!(
        AUTOSCALER_UTILIZATION,
        "Which part of its slots a context has used, or waited for, in percent, by context."
    );
    describe_gauge!(
        AUTOSCALER_TARGET,
        "Which part of its slots a context is to use, in percent, by context."
    );
    describe_counter!(
        AUTOSCALER_SCALINGS,
        "Changes of the number of slots, by context and direction."
    );
    describe_counter!(
        LOADS,
        "Loads of versions that were out of memory, by context and outcome."
    );
    describe_histogram!(
        LOAD_DURATION,
        Unit::Seconds,
        "How long it took to load a version that was out of memory, by context."
    );
    describe_counter!(UNLOADS, "Idle versions that left memory, by context.");
    describe_counter!(
        OPERATORS_REFUSED,
        "Requests that were refused at the operators' port, by reason."
    );
    describe_counter!(
        RESTARTS,
        "Versions that were restarted because they failed, by context and reason: liveness, failures or startup."
    );
    describe_counter!(
        PROBE_FAILURES,
        "Probes that failed, by context and probe: startup, readiness or liveness."
    );
    describe_gauge!(
        CONTEXT_READY,
        "Whether a context takes work, 1 or 0: a version serves, is ready, and does not wait to be restarted."
    );
    describe_counter!(SWAPS, "Swaps of versions, by context.");
    describe_histogram!(
        SWAP_DURATION,
        Unit::Seconds,
        "How long it took to decide on a swap and to exchange the versions, by context; without the wait for the disk."
    );
    describe_counter!(
        INVOCATIONS,
        "Invocations that ended, by context, kind and outcome."
    );
    describe_histogram!(
        INVOCATION_DURATION,
        Unit::Seconds,
        "How long invocations took, by context and kind."
    );
    describe_counter!(
        ANSWERS_REUSED,
        "Requests answered from the response cache, by context."
    );
    describe_gauge!(
        INVOCATIONS_RUNNING,
        "Invocations that are running, by context."
    );
    describe_gauge!(
        INVOCATIONS_WAITING,
        "Invocations that wait for a place, by context."
    );
    describe_counter!(COMMITS, "Commits, by context.");
    describe_counter!(
        CONFLICTS,
        "Units of work rejected because a concurrent commit conflicted, by context."
    );
    describe_counter!(EVENTS_HANDLED, "Events handled, by context.");
    describe_counter!(
        EVENTS_RETRIED,
        "Failed attempts to handle an event that will be retried, by context."
    );
    describe_counter!(
        EVENTS_DEAD_LETTERED,
        "Events that became dead letters, by context."
    );
    describe_gauge!(
        FOLLOWER_LAG,
        "Events that a follower has yet to handle, by context and source."
    );
    describe_counter!(TIMERS_FIRED, "Timers that fired, by context.");
    describe_counter!(
        CALLS,
        "Calls from other contexts, by the context that was called and outcome."
    );
    describe_histogram!(
        EDGE_DURATION,
        Unit::Seconds,
        "How long requests and calls took that were let through, by caller and callee."
    );
    describe_gauge!(
        COMPENSATIONS_PENDING,
        "Calls whose compensation is pending, by the context that undoes them."
    );
    describe_counter!(
        COMPENSATIONS,
        "Calls that were undone, by the context that undid them."
    );
    describe_counter!(
        COMPENSATIONS_STUCK,
        "Calls that began to wait for an operator, by the context that undoes them: undoing was refused too often, or the record of it cannot be read."
    );
    describe_counter!(
        COMPENSATIONS_OVERDUE,
        "Times that what was to be undone could not be reached for limits.stuck_after, by the context that undoes it: once for all that waits for one callee."
    );
    describe_counter!(
        BREAKER_OPENED,
        "Times that a circuit breaker opened, by caller and callee."
    );
    describe_gauge!(
        BREAKER_STATE,
        "Where a circuit breaker stands, by caller and callee: 0 closed, 1 open, 2 half-open."
    );
    describe_counter!(
        BREAKER_REJECTED,
        "Requests and calls that a circuit breaker turned away, by caller, callee and reason: pool or open."
    );
    describe_counter!(
        FAULTS_INJECTED,
        "Faults that were injected, by context and kind: delay or abort."
    );
    describe_counter!(
        HTTP_REQUESTS,
        "Requests answered at the public port, by status class."
    );
    describe_histogram!(
        HTTP_REQUEST_DURATION,
        Unit::Seconds,
        "How long requests took at the public port, by context, method, route and status class; without the first three where there was no route."
    );
    describe_histogram!(
        OUTBOUND_REQUEST_DURATION,
        Unit::Seconds,
        "How long requests to the outside took, by context, origin and outcome: the status class, or why there was no answer; without the origin where it may not be asked."
    );
    describe_counter!(
        ACCESS_LOG_DROPPED,
        "Lines of the access log that were dropped, because they came too fast or could not be written."
    );
    describe_counter!(
        CPU,
        Unit::Microseconds,
        "How long guests have computed, by context; see limits.cpu and limits.cpu_weight."
    );
    describe_gauge!(
        MEMORY_HELD,
        Unit::Bytes,
        "Memory in use, by purpose: invocations, their guests (a part of it), or the response cache."
    );
    describe_gauge!(
        MEMORY_LIMIT,
        Unit::Bytes,
        "Memory that may be used, by purpose; see [host] memory."
    );
    describe_counter!(
        LOG_LINES_DROPPED,
        "Log lines of guests that were dropped, by context; see limits.log."
    );
    describe_counter!(
        LOG_BYTES_DROPPED,
        Unit::Bytes,
        "Bytes of the log lines that were dropped, by context."
    );
    describe_gauge!(
        QUOTA_USED,
        "Storage that a context uses, by context and resource; see [context.<name>.quota]."
    );
    describe_gauge!(
        QUOTA_LIMIT,
        "Storage that a context may use, by context and resource."
    );
    describe_gauge!(
        DISK_FREE,
        Unit::Bytes,
        "Space that is free on the volume of the journals."
    );
    describe_gauge!(
        DISK_FREE_LIMIT,
        Unit::Bytes,
        "Space that stays free there: with less, what adds something is refused."
    );
    describe_counter!(
        QUOTA_REFUSALS,
        "Invocations that failed because a quota was used up, by context and resource, or because the disk is nearly full."
    );
    describe_counter!(NATS_PUBLISHED, "Events that were published to NATS.");
    describe_gauge!(NATS_LAG, "Events waiting to be published to NATS.");
    describe_gauge!(
        NATS_SUBSCRIPTION_LAG,
        "Messages on NATS that have yet to be read, by source and subject."
    );
    describe_gauge!(
        NATS_SUBSCRIPTION_UP,
        "Whether messages are being read from NATS, 1 or 0, by source and subject."
    );
    describe_counter!(
        NATS_SUBSCRIPTION_DROPPED,
        "Messages that a stream dropped before they were read, by source and subject."
    );
    describe_counter!(
        NATS_SUBSCRIPTION_DISTURBED,
        "How often a stream came back without messages that had been read, or was replaced, by source, subject and kind."
    );
    describe_counter!(
        NATS_SUBSCRIPTION_DUPLICATES,
        "Repeated events that were skipped, by source and subject."
    );
    describe_gauge!(
        NATS_DEAD_LETTERS,
        "Events that cannot be published to NATS and wait for an operator."
    );
    describe_gauge!(
        NATS_UP,
        "Whether events are being published to NATS, 1 or 0."
    );
    describe_gauge!(HTTP_CONNECTIONS, "Open connections at the public port.");
}
