//! The controller: looks at each context every second, decides, and changes slots; and has idle versions leave memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::condition::{Condition, ConditionType};
use super::decision::{Decision, Limited, Scaler, Seen};
use super::share::{Claim, share};
use super::status::AutoscalerStatus;
use crate::core::{ContextName, human_duration, wall_clock};
use crate::guest;
use crate::invocation::{Context, ContextSlots, HostEventKind, Invoker};
use crate::observe::metrics::{AUTOSCALER_SCALINGS, UNLOADS};
use crate::rollout::Deployer;

/// How often it decides.
const PERIOD: Duration = Duration::from_secs(1);

/// The autoscalers of an app, as they were last seen.
#[derive(Default)]
pub struct Autoscalers(Mutex<BTreeMap<ContextName, AutoscalerStatus>>);

impl Autoscalers {
    /// All of them, by their contexts.
    pub fn list(&self) -> Vec<AutoscalerStatus> {
        self.0.lock().values().cloned().collect()
    }

    /// That of a context, if it is scaled.
    pub fn of(&self, context: &str) -> Option<AutoscalerStatus> {
        self.0.lock().get(context).cloned()
    }
}

/// Scales the contexts of an app until the host stops. `wanted` is told when work waits in a context that has no slots.
pub async fn run(
    invoker: Arc<Invoker>,
    deployer: Arc<Deployer>,
    autoscalers: Arc<Autoscalers>,
    wanted: Arc<Notify>,
    instances: u32,
) {
    let mut controller = Controller::new(&invoker, &deployer, autoscalers, instances);
    // A context that is added begins to serve with an exchange of the wiring.
    let mut exchanges = invoker.wiring.changes();
    controller.take_up();
    let mut seconds = interval(PERIOD);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = invoker.shutdown.cancelled() => return,
            () = wanted.notified() => controller.wake(),
            // The sender lives as long as the wiring.
            Ok(()) = exchanges.changed() => controller.take_up(),
            _ = seconds.tick(), if !controller.scaled.is_empty() => controller.evaluate(),
        }
    }
}

struct Controller {
    invoker: Arc<Invoker>,
    deployer: Arc<Deployer>,
    autoscalers: Arc<Autoscalers>,
    began: Instant,
    /// How many first invocations the host can run at once.
    capacity: u32,
    scaled: Vec<Scaled>,
    /// The contexts that are not scaled: they take part in what is shared.
    others: Vec<Arc<Context>>,
}

/// A context that is scaled.
struct Scaled {
    context: Arc<Context>,
    slots: Arc<ContextSlots>,
    scaler: Scaler,
    /// How many it should have, by what was decided last.
    desired: u32,
    /// How often its versions had been of use when it was looked at last.
    uses: u64,
    /// When it was looked at last.
    looked_at: Duration,
    idle_since: Option<Duration>,
}

impl Controller {
    fn new(
        invoker: &Arc<Invoker>,
        deployer: &Arc<Deployer>,
        autoscalers: Arc<Autoscalers>,
        instances: u32,
    ) -> Self {
        Self {
            invoker: invoker.clone(),
            deployer: deployer.clone(),
            autoscalers,
            began: Instant::now(),
            // One is left for whoever has no context: the host itself.
            capacity: guest::first_calls(instances).saturating_sub(1),
            scaled: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Takes up the contexts that it does not know yet.
    fn take_up(&mut self) {
        let contexts = self.invoker.contexts.all();
        if contexts.len() == self.scaled.len() + self.others.len() {
            return;
        }
        let scaled = self.scaled.iter().map(|one| one.context.name.clone());
        let others = self.others.iter().map(|context| context.name.clone());
        let known: BTreeSet<ContextName> = scaled.chain(others).collect();
        for context in contexts.values() {
            if known.contains(&context.name) {
                continue;
            }
            match (&context.settings.autoscale, context.admission.slots()) {
                (Some(settings), Some(slots)) => self.scaled.push(Scaled {
                    scaler: Scaler::new(settings.clone(), context.admission.max_running()),
                    desired: slots.count(),
                    slots: slots.clone(),
                    context: context.clone(),
                    uses: 0,
                    looked_at: self.began.elapsed(),
                    idle_since: None,
                }),
                _ => self.others.push(context.clone()),
            }
        }
    }

    /// Looks at all of them.
    fn evaluate(&mut self) {
        let now = self.began.elapsed();
        let mut decisions = Vec::with_capacity(self.scaled.len());
        for one in &mut self.scaled {
            let load = one.slots.take_load();
            let demand = load.running + load.waiting;
            one.look_for_idleness(now, demand, &self.deployer);
            let before = one.slots.count();
            if one.is_idle(now) && one.slots.close_if_idle() {
                one.leave(before, &self.invoker, &self.deployer);
            }
            let slots = one.slots.count();
            let seen = Seen {
                slots,
                // What came since is not on average yet, but it waits.
                demand: match slots {
                    0 => f64::from(load.now),
                    _ => demand,
                },
            };
            let decision = one.scaler.decide(now, seen);
            one.desired = decision.desired;
            decisions.push(decision);
        }
        let changed = self.give(now, &decisions.iter().map(Some).collect::<Vec<_>>());
        self.show(&decisions, &changed);
    }

    /// Gives slots to those that have none and are asked for something.
    fn wake(&mut self) {
        let now = self.began.elapsed();
        let mut decisions = Vec::with_capacity(self.scaled.len());
        for one in &mut self.scaled {
            let waiting = one.slots.waiting();
            let is_wanted = waiting > 0 && one.slots.count() == 0;
            decisions.push(is_wanted.then(|| {
                let seen = Seen {
                    slots: 0,
                    demand: f64::from(waiting),
                };
                let decision = one.scaler.decide(now, seen);
                one.desired = decision.desired;
                one.idle_since = None;
                decision
            }));
        }
        if decisions.iter().any(Option::is_some) {
            self.give(
                now,
                &decisions.iter().map(Option::as_ref).collect::<Vec<_>>(),
            );
        }
    }

    /// Shares the host's slots by what is desired, and has each context have its share. Answers how many each had.
    fn give(&mut self, now: Duration, decisions: &[Option<&Decision>]) -> Vec<u32> {
        let claims = self.scaled.iter().map(|one| Claim {
            min: one.scaler.settings().min,
            wanted: one.desired,
        });
        let others = self.others.iter().map(|context| Claim {
            min: 0,
            wanted: context.admission.first_wanted(),
        });
        let claims: Vec<_> = claims.chain(others).collect();
        let shares = share(self.capacity, &claims);
        let before: Vec<u32> = self.scaled.iter().map(|one| one.slots.count()).collect();
        // Those that get fewer first, so that there are never more than the host has.
        for is_fewer in [true, false] {
            let each = self.scaled.iter_mut().zip(&shares).zip(&before);
            for ((one, to), from) in each.filter(|((_, to), from)| (to < from) == is_fewer) {
                if to != from {
                    one.slots.resize(*to);
                }
            }
        }
        let each = self.scaled.iter_mut().zip(&shares);
        for (((one, to), from), decision) in each.zip(&before).zip(decisions) {
            if to != from {
                one.scaler.changed(now, *from, *to);
                one.tell(&self.invoker, *from, *to, *decision);
            }
        }
        before
    }

    fn show(&self, decisions: &[Decision], before: &[u32]) {
        let mut shown = self.autoscalers.0.lock();
        for ((one, decision), before) in self.scaled.iter().zip(decisions).zip(before) {
            let name = &one.context.name;
            let former = shown.get(name);
            let conditions = former.map_or(&[][..], |former| &former.conditions);
            let status = one.status(decision, *before, conditions, &self.deployer);
            let since = former.map_or_else(wall_clock, |former| former.since);
            let status = AutoscalerStatus { since, ..status };
            shown.insert(name.clone(), status);
        }
    }
}

impl Scaled {
    /// Finds out whether anything is done in it.
    fn look_for_idleness(&mut self, now: Duration, demand: f64, deployer: &Deployer) {
        if !self.context.settings.scales_to_zero() {
            return;
        }
        let rollouts = deployer.rollouts(&self.context);
        let versions = rollouts.at_hand();
        let uses = versions.iter().map(|version| version.uses()).sum();
        // One that is not ready, or is restarted, is looked after: it is asked how it is, which needs it in memory.
        let is_busy = demand > 0.0
            || !self.context.availability.is_open()
            || uses != self.uses
            || versions.iter().any(|version| version.inflight() > 0)
            || rollouts.is_under_way()
            || self.context.serving().candidate.is_some();
        self.uses = uses;
        // What was last done was done before it was looked at last.
        let since = std::mem::replace(&mut self.looked_at, now);
        self.idle_since = match is_busy {
            true => None,
            false => Some(self.idle_since.unwrap_or(since)),
        };
    }

    fn is_idle(&self, now: Duration) -> bool {
        let idle = self.scaler.settings().idle;
        self.idle_since
            .is_some_and(|since| now.saturating_sub(since) >= idle)
    }

    /// Its versions leave memory.
    fn leave(&mut self, from: u32, invoker: &Invoker, deployer: &Deployer) {
        self.desired = 0;
        self.scaler.forget();
        let idle = human_duration(self.scaler.settings().idle);
        let reason = format!("no work for {idle}");
        if from > 0 {
            self.record(invoker, from, 0, &reason, 0);
        }
        let versions = deployer.rollouts(&self.context).at_hand();
        for version in versions.iter().filter(|version| version.unload()) {
            let name = &self.context.name;
            metrics::counter!(UNLOADS, "context" => name).increment(1);
            let data = json!({ "version": &*version.title, "reason": reason });
            invoker
                .host_events
                .record(HostEventKind::Unloaded, name, data);
        }
    }

    /// Tells of a change.
    fn tell(&self, invoker: &Invoker, from: u32, to: u32, decision: Option<&Decision>) {
        let target = self.scaler.settings().target_utilization;
        let utilization = decision.map_or(0, |decision| decision.utilization);
        let reason = match decision {
            Some(decision) if to < decision.desired => {
                "the slots of the host are shared with other contexts".to_owned()
            }
            _ if from == 0 => "work waits for it".to_owned(),
            _ if to > from => {
                format!("utilization of {utilization} % is above the target of {target} %")
            }
            _ => format!(
                "utilization was below the target of {target} % for {}",
                human_duration(self.scaler.settings().stabilization_window)
            ),
        };
        self.record(invoker, from, to, &reason, utilization);
    }

    fn record(&self, invoker: &Invoker, from: u32, to: u32, reason: &str, utilization: u32) {
        let name = &self.context.name;
        let (kind, direction) = match to > from {
            true => (HostEventKind::ScaledUp, "up"),
            false => (HostEventKind::ScaledDown, "down"),
        };
        metrics::counter!(AUTOSCALER_SCALINGS, "context" => name, "direction" => direction)
            .increment(1);
        let data = json!({
            "from": from,
            "to": to,
            "utilization": utilization,
            "target": self.scaler.settings().target_utilization,
            "reason": reason,
        });
        invoker.host_events.record(kind, name, data);
    }

    fn status(
        &self,
        decision: &Decision,
        before: u32,
        conditions: &[Condition],
        deployer: &Deployer,
    ) -> AutoscalerStatus {
        let settings = self.scaler.settings();
        let version = self.context.version();
        let slots = self.slots.count();
        let able = match deployer.rollouts(&self.context).load_failure() {
            Some(reason) => Condition::unmet(ConditionType::AbleToScale, "LoadFailed", reason),
            None if slots != before => Condition::met(
                ConditionType::AbleToScale,
                "SucceededRescale",
                format!("there are {slots} slots now, after {before}"),
            ),
            None => Condition::met(
                ConditionType::AbleToScale,
                decision.able.reason(),
                decision.able.message(settings),
            ),
        };
        let active = match (&version, slots) {
            (None, _) => Condition::unmet(
                ConditionType::ScalingActive,
                "NotServing",
                "no version of the context serves".to_owned(),
            ),
            (Some(_), 0) if decision.desired == 0 => Condition::met(
                ConditionType::ScalingActive,
                "ScaledToZero",
                "nobody wants anything of it; the next work brings it back".to_owned(),
            ),
            _ => Condition::met(
                ConditionType::ScalingActive,
                "ValidMetricFound",
                "the use of its slots was measured".to_owned(),
            ),
        };
        let limited = match slots < decision.desired {
            true => Condition::met(
                ConditionType::ScalingLimited,
                "HostIsFull",
                "the slots of the host are shared with other contexts; raise host.instances, where the machine has room".to_owned(),
            ),
            false => {
                let limited = match decision.limited {
                    Limited::DesiredWithinRange => Condition::unmet,
                    _ => Condition::met,
                };
                limited(
                    ConditionType::ScalingLimited,
                    decision.limited.reason(),
                    decision.limited.message().to_owned(),
                )
            }
        };
        AutoscalerStatus {
            context: self.context.name.clone(),
            is_loaded: version
                .as_ref()
                .is_some_and(|version| version.guest.is_loaded()),
            version: version.map(|version| version.number),
            min: settings.min,
            max: settings.max.get(),
            slots,
            desired: decision.desired,
            utilization: decision.utilization,
            target: settings.target_utilization,
            since: 0,
            conditions: [able, active, limited]
                .map(|one| one.after(conditions))
                .into(),
        }
    }
}
