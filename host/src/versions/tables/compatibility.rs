//! Whether a version can read the tables that another one wrote: `docs/state.md` says how values are written, and so which types read which.

use std::collections::BTreeSet;
use std::fmt;

use super::{Field, Scalar, Shape, Table, Tables, Type};

/// How many pairs of types are compared before it is too much.
const MOST_PAIRS: usize = 20_000;
/// How many differences are shown.
const SHOWN: usize = 5;
/// How much of a type a difference shows.
const SHOWN_OF_A_TYPE: usize = 80;

/// What is compared: how its parts are spoken of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The rows of a table.
    Rows,
    /// The data of events, as it is read.
    Data,
    /// The data of events, as it was published before.
    Published,
}

/// What comes of reading what another version wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableCompatibility {
    /// What cannot be read, each with its place.
    pub unreadable: Vec<String>,
    /// What is there and not read, each with its place.
    pub ignored: Vec<String>,
}

/// Some of the differences, for a message.
pub(super) struct First<'a>(pub &'a [String]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.get(..SHOWN).unwrap_or(self.0);
        f.write_str(&shown.join("; "))?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl TableCompatibility {
    /// Whether all of it is read.
    pub fn is_complete(&self) -> bool {
        self.unreadable.is_empty()
    }

    /// Whether the two are the same to whoever reads and writes.
    pub fn is_exact(&self) -> bool {
        self.unreadable.is_empty() && self.ignored.is_empty()
    }

    /// What cannot be read, for a message.
    pub fn difference(&self) -> String {
        First(&self.unreadable).to_string()
    }

    /// What is not read, for a message.
    pub fn remarks(&self) -> Option<String> {
        (!self.ignored.is_empty()).then(|| First(&self.ignored).to_string())
    }

    /// What cannot be read here and could be read there, for a message; none when that is nothing.
    pub fn without(&self, known: &Self) -> Option<String> {
        let new = self.unreadable.iter();
        let new = new.filter(|difference| !known.unreadable.contains(difference));
        let new: Vec<_> = new.cloned().collect();
        (!new.is_empty()).then(|| First(&new).to_string())
    }

    /// With what comes of reading something else.
    pub fn and(&mut self, other: Self) {
        for (all, more) in [
            (&mut self.unreadable, other.unreadable),
            (&mut self.ignored, other.ignored),
        ] {
            for text in more {
                if !all.contains(&text) {
                    all.push(text);
                }
            }
        }
    }
}

impl Tables {
    /// What comes of reading the rows of the same tables that another version writes. Tables that only one of them has are no difference here.
    pub(crate) fn read(&self, written: &Self) -> TableCompatibility {
        let mut all = TableCompatibility::default();
        for (name, written) in &written.0 {
            if let Some(table) = self.0.get(name) {
                all.and(table.read(name, written));
            }
        }
        all
    }
}

impl Table {
    /// What comes of reading the rows that another version wrote into the table of this name.
    pub(super) fn read(&self, name: &str, written: &Self) -> TableCompatibility {
        let mut comparing = Comparing::new(&self.types, &written.types, Subject::Rows);
        if self.key != written.key {
            let (was, is) = (written.key(), self.key());
            comparing
                .reading
                .unreadable
                .push(format!("the key of `{name}` was {was}, and is {is}"));
        }
        comparing.compare(name)
    }
}

impl Shape {
    /// What comes of reading data of this shape, of events of this kind, that was published in another.
    pub(crate) fn read(&self, kind: &str, published: &Self) -> TableCompatibility {
        Comparing::new(self, published, Subject::Data).compare(kind)
    }

    /// What comes of reading data that is published in another shape now, of events of this kind, as it was published in this one.
    pub(crate) fn still_reads(&self, kind: &str, published: &Self) -> TableCompatibility {
        Comparing::new(self, published, Subject::Published).compare(kind)
    }

    fn ty(&self, place: usize) -> &Type {
        // A place is always one of its types: both come from one description.
        self.0.get(place).unwrap_or(&Type::Scalar(Scalar::Unit))
    }

    /// Whether one of a type's values is written as `null`.
    fn has_null(&self, place: usize) -> bool {
        matches!(
            self.ty(place),
            Type::Optional(_) | Type::Scalar(Scalar::Unit)
        )
    }

    fn is_text(&self, place: usize) -> bool {
        matches!(self.ty(place), Type::Scalar(Scalar::String))
    }
}

struct Comparing<'a> {
    reader: &'a Shape,
    writer: &'a Shape,
    subject: Subject,
    reading: TableCompatibility,
    /// Pairs that have been or will be compared: types may contain themselves.
    seen: BTreeSet<(usize, usize)>,
    waiting: Vec<(usize, usize, String)>,
}

impl<'a> Comparing<'a> {
    fn new(reader: &'a Shape, writer: &'a Shape, subject: Subject) -> Self {
        Self {
            reader,
            writer,
            subject,
            reading: TableCompatibility::default(),
            seen: BTreeSet::new(),
            waiting: Vec::new(),
        }
    }

    fn compare(mut self, name: &str) -> TableCompatibility {
        self.then(0, 0, name.to_owned());
        while let Some((reader, writer, place)) = self.waiting.pop() {
            self.pair(reader, writer, &place);
        }
        self.reading.unreadable.sort();
        self.reading.ignored.sort();
        self.reading
    }

    fn then(&mut self, reader: usize, writer: usize, place: String) {
        if self.seen.len() == MOST_PAIRS {
            self.reading
                .unreadable
                .push(format!("`{place}` has too many types to compare"));
            self.waiting.clear();
        } else if self.seen.len() < MOST_PAIRS && self.seen.insert((reader, writer)) {
            self.waiting.push((reader, writer, place));
        }
    }

    fn unlike(&mut self, reader: usize, writer: usize, place: &str) {
        let was = self.writer.text_of(writer, SHOWN_OF_A_TYPE);
        let is = self.reader.text_of(reader, SHOWN_OF_A_TYPE);
        self.reading.unreadable.push(match self.subject {
            Subject::Rows => format!("`{place}` was {was}, and is {is}"),
            Subject::Data => format!("`{place}` is published as {was}, and read as {is}"),
            Subject::Published => format!("`{place}` was published as {is}, and is {was}"),
        });
    }

    fn pair(&mut self, reader: usize, writer: usize, place: &str) {
        let (read, written) = (self.reader.ty(reader), self.writer.ty(writer));
        match (read, written) {
            (Type::Scalar(read), Type::Scalar(written)) if reads(*read, *written) => {}
            // A case that carries nothing is its name.
            (Type::Scalar(Scalar::String), Type::Variant(cases))
                if matches!(self.subject, Subject::Data | Subject::Published)
                    && cases.iter().all(|case| case.value.is_none()) => {}
            (Type::Optional(read), Type::Optional(written))
                if self.reader.has_null(*read) == self.writer.has_null(*written) =>
            {
                self.then(*read, *written, place.to_owned());
            }
            // What is there is written as it would be without the option.
            (Type::Optional(read), _)
                if !self.reader.has_null(*read) && !self.writer.has_null(writer) =>
            {
                self.then(*read, writer, place.to_owned());
            }
            (Type::List(read), Type::List(written)) => {
                self.then(*read, *written, format!("{place}[]"));
            }
            (Type::Map(key, value), Type::Map(written_key, written_value))
                if self.reader.is_text(*key) == self.writer.is_text(*written_key) =>
            {
                self.then(*key, *written_key, format!("{place}[key]"));
                self.then(*value, *written_value, format!("{place}[]"));
            }
            (Type::Tuple(read), Type::Tuple(written)) if read.len() == written.len() => {
                for (index, (read, written)) in read.iter().zip(written).enumerate() {
                    self.then(*read, *written, format!("{place}.{index}"));
                }
            }
            (Type::Record(read), Type::Record(written)) => self.fields(read, written, place),
            (Type::Variant(read), Type::Variant(written)) => {
                for case in written {
                    let within = format!("{place}.{}", case.name);
                    let known = read.iter().find(|known| known.name == case.name);
                    match (known.map(|known| known.value), case.value) {
                        (Some(None), None) => {}
                        (Some(Some(read)), Some(written)) => {
                            self.then(read, written, within);
                        }
                        (Some(_), _) => self.reading.unreadable.push(format!(
                            "the case `{within}` has a payload in one version, and none in the other"
                        )),
                        (None, _) => self.reading.unreadable.push(format!("the case `{within}` is not known")),
                    }
                }
            }
            _ => self.unlike(reader, writer, place),
        }
    }

    fn fields(&mut self, read: &'a [Field], written: &'a [Field], place: &str) {
        let find = |fields: &'a [Field], name: &str| fields.iter().find(|field| field.name == name);
        let unread: Vec<_> = written
            .iter()
            .filter(|field| find(read, &field.name).is_none())
            .collect();
        for field in &unread {
            self.reading
                .ignored
                .push(format!("`{place}.{}` is not read", field.name));
        }
        for field in read {
            let within = format!("{place}.{}", field.name);
            if let Some(written) = find(written, &field.name) {
                self.then(field.value, written.value, within);
                continue;
            }
            // What a reader does without is its own: what was published was there, also as nothing.
            let does_without =
                field.has_default || matches!(self.reader.ty(field.value), Type::Optional(_));
            if does_without && self.subject != Subject::Published {
                continue;
            }
            let alike = unread.iter().find(|other| {
                self.reader.text_of(field.value, SHOWN_OF_A_TYPE)
                    == self.writer.text_of(other.value, SHOWN_OF_A_TYPE)
            });
            self.reading.unreadable.push(match (self.subject, alike) {
                (Subject::Rows, Some(other)) => format!(
                    "`{within}` is not in what was written, and has no default (is it what was `{}`? then that stays its name in the state)",
                    other.name
                ),
                (Subject::Rows, None) => {
                    format!("`{within}` is not in what was written, and has no default")
                }
                (Subject::Data, Some(other)) => format!(
                    "`{within}` is read, and not published (is it what is published as `{}`?)",
                    other.name
                ),
                (Subject::Data, None) => format!("`{within}` is read, and not published"),
                (Subject::Published, Some(other)) => format!(
                    "`{within}` is not published any more (is it what is published as `{}`?)",
                    other.name
                ),
                (Subject::Published, None) => format!("`{within}` is not published any more"),
            });
        }
    }
}

/// Whether every value of one is read as the same by the other.
fn reads(reader: Scalar, writer: Scalar) -> bool {
    match (reader, writer) {
        (Scalar::Unsigned(read), Scalar::Unsigned(written))
        | (Scalar::Signed(read), Scalar::Signed(written))
        | (Scalar::Float(read), Scalar::Float(written)) => read >= written,
        (Scalar::Signed(read), Scalar::Unsigned(written)) => read > written,
        (Scalar::String, Scalar::Char) => true,
        (read, written) => read == written,
    }
}
