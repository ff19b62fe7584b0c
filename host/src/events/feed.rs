//! The events of some contexts, read from their journals at the speed of whoever asks.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;

use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::feed_position::FeedPosition;
use crate::core::ContextName;
use crate::journal::{self, Event, EventPosition, Ledger};

/// How many commits are read at a time. Twice as many at most wait in memory for a slow reader: while some are told, the next are read.
const BATCH: usize = 32;

/// About what an event costs whoever gets it, besides its data, in bytes.
const COST: u64 = 1 << 10;

/// The flushed events of some contexts: of each in its order, and among them by their time, or in turns.
///
/// An event costs the same however many contexts have none.
pub(crate) struct Feed {
    sources: Vec<Source>,
    /// Sources of which it is not known whether an event waits.
    unseen: Vec<usize>,
    /// Sources of which one waits, by its time, or by what it has had.
    ready: BinaryHeap<Reverse<(u64, usize)>>,
    /// The other sources: each tells when it has news.
    idle: FuturesUnordered<News>,
    places: FeedPosition,
    /// Of these kinds, or of all when none is named.
    kinds: Arc<BTreeSet<String>>,
    /// How many are still to be left out.
    skip: usize,
    /// Whether contexts take turns: the one goes first that has had least.
    takes_turns: bool,
    /// What the one had had that went last.
    least: u64,
}

/// An event, and where it is. How far whoever gets it has come then is what [`Feed::places`] says.
pub(crate) struct Told {
    /// The context that published it.
    pub context: ContextName,
    pub position: EventPosition,
    pub event: Event,
}

/// Where a feed begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// With the first event.
    Start,
    /// With the next event.
    Now,
    /// With so many events that there are.
    Last(usize),
    /// After these; with the first one of a context that is not in it.
    After(FeedPosition),
}

/// Why there are no more events to tell.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Somebody has seen more of a journal than there is.
    #[error(
        "the journal of {context} ends at {end}, before {told}: it was replaced by a new one; start with `after=start`"
    )]
    BegunAnew {
        context: ContextName,
        end: u64,
        told: u64,
    },
}

struct Source {
    context: ContextName,
    ledger: Arc<Ledger>,
    kinds: Arc<BTreeSet<String>>,
    /// Its commits up to here have been read.
    read: u64,
    /// Its events up to here have been told.
    told: EventPosition,
    waiting: VecDeque<(EventPosition, Event)>,
    /// What is being read, and the commit up to which.
    reading: Option<(u64, Reading)>,
    flushed: watch::Receiver<u64>,
    /// What it has had of the turns, in bytes.
    had: u64,
    /// Whether its events are left for later.
    is_held: bool,
    /// Whether it is among those that are ready.
    is_ready: bool,
    /// Whether it is among those that tell when they have news.
    is_watched: bool,
}

/// Tells which source has news.
type News = Pin<Box<dyn Future<Output = usize> + Send + Sync>>;

type Reading = JoinHandle<Result<Vec<(EventPosition, Event)>, journal::Error>>;

impl Feed {
    /// The events of these contexts; of some kinds, or of all when none is named.
    pub async fn open(
        contexts: Vec<(ContextName, Arc<Ledger>)>,
        kinds: BTreeSet<String>,
        begin: Begin,
    ) -> Result<Self, FeedError> {
        let kinds = Arc::new(kinds);
        let mut feed = Self {
            sources: Vec::with_capacity(contexts.len()),
            unseen: (0..contexts.len()).collect(),
            ready: BinaryHeap::new(),
            idle: FuturesUnordered::new(),
            places: FeedPosition::default(),
            kinds,
            skip: 0,
            takes_turns: false,
            least: 0,
        };
        for (context, ledger) in contexts {
            let mut source = Source::new(&context, &ledger, &feed.kinds);
            match &begin {
                Begin::Start => {}
                Begin::Now => source.go_on_after(source.end()),
                Begin::Last(count) => feed.skip += source.go_back(*count).await?,
                Begin::After(places) => {
                    if let Some(told) = places.0.get(&*source.context) {
                        source.exists(*told)?;
                        source.go_on_after(*told);
                    }
                }
            }
            feed.places.note(&source.context, source.told);
            feed.sources.push(source);
        }
        if let Begin::Last(count) = begin {
            feed.skip = feed.skip.saturating_sub(count);
        }
        Ok(feed)
    }

    /// Adds a context: its events after one.
    pub fn add(&mut self, context: &ContextName, ledger: &Arc<Ledger>, after: EventPosition) {
        let mut source = Source::new(context, ledger, &self.kinds);
        source.go_on_after(after);
        self.places.note(context, after);
        self.unseen.push(self.sources.len());
        self.sources.push(source);
    }

    /// Whether it tells of a context.
    pub fn has(&self, context: &ContextName) -> bool {
        self.places.0.contains_key(context)
    }

    /// Of how many contexts it tells.
    pub fn count(&self) -> usize {
        self.sources.len()
    }

    /// The same events, with the contexts taking turns, whenever theirs came to be: who has very many holds up nobody else's.
    pub fn in_turns(self) -> Self {
        Self {
            takes_turns: true,
            ..self
        }
    }

    /// Goes back to after an event of a context.
    pub fn go_back(&mut self, context: &ContextName, told: EventPosition) {
        if let Some((index, source)) = self.source(context) {
            source.go_on_after(told);
            source.waiting.clear();
            source.reading = None;
            self.places.note(context, told);
            self.unseen.push(index);
        }
    }

    /// Has a context wait for its next turn as if it had had so many bytes.
    pub fn charge(&mut self, context: &ContextName, bytes: u64) {
        if let Some((_, source)) = self.source(context) {
            source.had += bytes;
        }
    }

    /// Leaves the events of a context for later.
    pub fn hold(&mut self, context: &ContextName) {
        self.set_held(context, true);
    }

    /// Tells the events of a context again that were left.
    pub fn release(&mut self, context: &ContextName) {
        self.set_held(context, false);
    }

    fn set_held(&mut self, context: &ContextName, is_held: bool) {
        if let Some((index, source)) = self.source(context) {
            source.is_held = is_held;
            self.unseen.push(index);
        }
    }

    fn source(&mut self, context: &ContextName) -> Option<(usize, &mut Source)> {
        let mut sources = self.sources.iter_mut().enumerate();
        sources.find(|(_, source)| source.context == *context)
    }

    fn note_news(&mut self, index: usize) {
        if let Some(source) = self.sources.get_mut(index) {
            source.is_watched = false;
        }
        self.unseen.push(index);
    }

    /// The next event; `None` when all that there are have been told. Dropping it loses none.
    pub async fn next(&mut self) -> Result<Option<Told>, FeedError> {
        loop {
            while let Some(Some(news)) = self.idle.next().now_or_never() {
                self.note_news(news);
            }
            while let Some(index) = self.unseen.last().copied() {
                if let Some(source) = self.sources.get_mut(index)
                    && !source.is_held
                    && !source.is_ready
                {
                    source.fill().await?;
                    match source.waiting.front() {
                        Some((_, event)) => {
                            // Whoever had nothing to tell for a while has saved nothing.
                            source.had = source.had.max(self.least);
                            let turn = match self.takes_turns {
                                true => source.had,
                                false => event.time,
                            };
                            source.is_ready = true;
                            self.ready.push(Reverse((turn, index)));
                        }
                        None if source.is_watched => {}
                        None => {
                            source.is_watched = true;
                            self.idle.push(source.news(index));
                        }
                    }
                }
                self.unseen.pop();
            }
            let Some(Reverse((turn, index))) = self.ready.pop() else {
                return Ok(None);
            };
            self.unseen.push(index);
            let Some(source) = self.sources.get_mut(index) else {
                continue;
            };
            source.is_ready = false;
            if source.is_held {
                continue;
            }
            let Some((position, event)) = source.waiting.pop_front() else {
                continue;
            };
            if self.takes_turns {
                self.least = turn;
                source.had += COST + event.data.len() as u64;
            }
            source.told = position;
            self.places.note(&source.context, position);
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            return Ok(Some(Told {
                context: source.context.clone(),
                position,
                event,
            }));
        }
    }

    /// How far whoever reads has come.
    pub fn places(&self) -> &FeedPosition {
        &self.places
    }

    /// Waits until there may be more.
    pub async fn changed(&mut self) {
        if !self.unseen.is_empty() || !self.ready.is_empty() {
            return;
        }
        match self.idle.next().await {
            Some(news) => self.note_news(news),
            None => std::future::pending().await,
        }
    }
}

impl Source {
    fn new(context: &ContextName, ledger: &Arc<Ledger>, kinds: &Arc<BTreeSet<String>>) -> Self {
        Self {
            read: 0,
            told: EventPosition::default(),
            kinds: kinds.clone(),
            waiting: VecDeque::new(),
            reading: None,
            flushed: ledger.flushed_watch(),
            had: 0,
            is_held: false,
            is_ready: false,
            is_watched: false,
            context: context.clone(),
            ledger: ledger.clone(),
        }
    }

    fn end(&self) -> EventPosition {
        EventPosition {
            commit: self.ledger.flushed(),
            index: u16::MAX,
        }
    }

    /// Whoever has seen more than there is would wait in vain, and then miss what comes.
    fn exists(&self, told: EventPosition) -> Result<(), FeedError> {
        let flushed = self.ledger.flushed();
        if told.commit <= flushed {
            return Ok(());
        }
        Err(FeedError::BegunAnew {
            context: self.context.clone(),
            end: flushed,
            told: told.commit,
        })
    }

    fn go_on_after(&mut self, told: EventPosition) {
        self.told = told;
        // The commit of that event may have more.
        self.read = told.commit.saturating_sub(1);
    }

    /// Goes back from the end until `count` events are ahead, or all. Answers how many are.
    async fn go_back(&mut self, count: usize) -> Result<usize, FeedError> {
        let (mut from, mut ahead) = (self.ledger.flushed(), 0);
        while from > 0 && ahead < count {
            let upto = from;
            from = upto.saturating_sub(BATCH as u64);
            let found = finished(self.commits(from, (upto - from) as usize)).await?;
            ahead += found.len();
        }
        self.read = from;
        self.told = EventPosition {
            commit: from,
            index: u16::MAX,
        };
        Ok(ahead)
    }

    /// Sees to it that an event waits, if there is one.
    async fn fill(&mut self) -> Result<(), FeedError> {
        while self.waiting.is_empty() {
            let Some((upto, reading)) = self.reading.take().or_else(|| self.read_on()) else {
                break;
            };
            let found = finished(reading).await?;
            self.read = upto;
            let told = self.told;
            let new = found.into_iter().filter(|(position, _)| *position > told);
            self.waiting.extend(new);
            self.reading = self.read_on();
        }
        Ok(())
    }

    /// Begins to read what comes next, if there is anything.
    fn read_on(&mut self) -> Option<(u64, Reading)> {
        let flushed = *self.flushed.borrow_and_update();
        let upto = flushed.min(self.read + BATCH as u64);
        let count = upto.checked_sub(self.read).filter(|count| *count > 0)?;
        Some((upto, self.commits(self.read, count as usize)))
    }

    /// Reads the events of so many commits after a position. Positions have no gaps.
    fn commits(&self, after: u64, count: usize) -> Reading {
        let (ledger, kinds) = (self.ledger.clone(), self.kinds.clone());
        tokio::task::spawn_blocking(move || events(&ledger, &kinds, after, count))
    }

    /// Resolves when there is something that was not looked at yet.
    fn news(&self, index: usize) -> News {
        let mut flushed = self.flushed.clone();
        Box::pin(async move {
            match flushed.changed().await {
                Ok(()) => index,
                // The journal is closed: nothing comes any more.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

async fn finished(reading: Reading) -> Result<Vec<(EventPosition, Event)>, FeedError> {
    // Only a runtime that shuts down gives no answer.
    Ok(reading.await.unwrap_or(Err(journal::Error::Closed))?)
}

fn events(
    ledger: &Ledger,
    kinds: &BTreeSet<String>,
    after: u64,
    count: usize,
) -> Result<Vec<(EventPosition, Event)>, journal::Error> {
    let commits = ledger.journal().commits(after, count)?;
    let events = commits.into_iter().flat_map(|(commit, _, events)| {
        (0..=u16::MAX).zip(events).map(move |(index, event)| {
            let position = EventPosition { commit, index };
            (position, event)
        })
    });
    let wanted = |event: &Event| kinds.is_empty() || kinds.contains(&event.kind);
    Ok(events.filter(|(_, event)| wanted(event)).collect())
}
