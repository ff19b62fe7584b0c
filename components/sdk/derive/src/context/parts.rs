//! What is written in `context!`.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Error, Expr, Ident, LitBool, LitStr, Path, Result, Token, Type, braced, bracketed,
    token,
};

use crate::json_schema::first_paragraph;

/// The parts that there are, each with what it looks like.
const PARTS: [(&str, &str); 14] = [
    ("summary", "summary: \"Rooms that can be booked.\""),
    ("offers", "offers: \"stay:room/rooms\""),
    ("calls", "calls: [\"stay:payment/payments\"]"),
    ("tables", "tables: [ROOMS, ENDED]"),
    ("routes", "routes: { GET \"/rooms/{id}\" => show }"),
    ("publishes", "publishes: [RoomRegistered]"),
    ("shares", "shares: [contracts::RoomRegistered]"),
    (
        "follows",
        "follows: { \"reservation\": ReservationConfirmed => reserve }",
    ),
    (
        "compensations",
        "compensations: { \"stay:room/rooms\": \"hold\" => \"release\" }",
    ),
    ("config", "config: Settings"),
    ("ready", "ready: is_ready"),
    ("live", "live: is_live"),
    ("export", "export: Guarded"),
    ("schema", "schema: { number: 2, migrate: rows }"),
];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The declaration of a context.
pub(crate) struct Parts {
    pub(crate) summary: Expr,
    pub(crate) offers: Vec<Interface>,
    pub(crate) calls: Vec<Interface>,
    pub(crate) tables: Vec<Path>,
    pub(crate) routes: Vec<Route>,
    pub(crate) publishes: Vec<Path>,
    pub(crate) shares: Vec<Path>,
    pub(crate) follows: Vec<Followed>,
    pub(crate) compensations: Vec<Compensation>,
    pub(crate) config: Option<Type>,
    pub(crate) ready: Option<Path>,
    pub(crate) live: Option<Path>,
    pub(crate) export: Option<Ident>,
    pub(crate) schema: Option<Schema>,
}

/// An interface of another context, or of this one: `"stay:room/rooms@0.1.0" as rooms`.
pub(crate) struct Interface {
    pub(crate) id: LitStr,
    pub(crate) module: Option<Ident>,
}

/// `GET "/rooms/{id}" => show`, with a comment above it that says what it does.
pub(crate) struct Route {
    pub(crate) summary: Option<String>,
    pub(crate) method: Ident,
    pub(crate) path: LitStr,
    pub(crate) handler: Path,
}

/// `"reservation": ReservationConfirmed => reserve`; without a source for a kind that says whose it is.
pub(crate) struct Followed {
    pub(crate) source: Option<LitStr>,
    pub(crate) event: Path,
    pub(crate) policy: Path,
}

/// `"stay:room/rooms": "hold" => "release"`
pub(crate) struct Compensation {
    pub(crate) interface: LitStr,
    pub(crate) function: LitStr,
    pub(crate) undo: LitStr,
}

/// `{ number: 3, reads: [2], migrate: rows }`
pub(crate) struct Schema {
    pub(crate) number: Expr,
    pub(crate) reads: Vec<Expr>,
    pub(crate) migrate: Option<Path>,
    pub(crate) rebuild: Option<LitBool>,
}

impl Parse for Parts {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut summary = None;
        let mut parts = Self {
            summary: Expr::Verbatim(proc_macro2::TokenStream::new()),
            offers: Vec::new(),
            calls: Vec::new(),
            tables: Vec::new(),
            routes: Vec::new(),
            publishes: Vec::new(),
            shares: Vec::new(),
            follows: Vec::new(),
            compensations: Vec::new(),
            config: None,
            ready: None,
            live: None,
            export: None,
            schema: None,
        };
        let mut seen: Vec<String> = Vec::new();
        while !input.is_empty() {
            let name = input.call(Ident::parse_any).map_err(|error| {
                Error::new(
                    error.span(),
                    format!("a part begins with its name: {}", names()),
                )
            })?;
            let text = name.to_string();
            if seen.contains(&text) {
                return Err(Error::new(
                    name.span(),
                    format!("`{text}` is there twice: put both into one"),
                ));
            }
            let Some((_, example)) = PARTS.iter().find(|(known, _)| *known == text) else {
                return Err(Error::new(
                    name.span(),
                    unknown("part", &text, PARTS.iter().map(|(name, _)| *name)),
                ));
            };
            input
                .parse::<Token![:]>()
                .map_err(|error| likewise(&error, example))?;
            parts
                .read(&text, input, &mut summary)
                .map_err(|error| likewise(&error, example))?;
            seen.push(text.clone());
            if !input.is_empty() {
                input.parse::<Token![,]>().map_err(|error| {
                    Error::new(
                        error.span(),
                        format!("a comma is missing before this, at the end of `{text}`"),
                    )
                })?;
            }
        }
        parts.summary = summary.ok_or_else(|| {
            Error::new(
                Span::call_site(),
                "`summary` is missing: one sentence for the people who operate the context, as in `summary: \"Rooms that can be booked.\"`",
            )
        })?;
        parts.differ()?;
        Ok(parts)
    }
}

impl Parts {
    fn read(
        &mut self,
        name: &str,
        input: ParseStream<'_>,
        summary: &mut Option<Expr>,
    ) -> Result<()> {
        match name {
            "summary" => *summary = Some(input.parse()?),
            "offers" => self.offers = one_or_several(input)?,
            "calls" => self.calls = one_or_several(input)?,
            "tables" => self.tables = list(input)?,
            "routes" => self.routes = lines(input)?,
            "publishes" => self.publishes = list(input)?,
            "shares" => self.shares = list(input)?,
            "follows" => {
                self.follows = lines::<Follows>(input)?
                    .into_iter()
                    .flat_map(|line| line.0)
                    .collect()
            }
            "compensations" => self.compensations = lines(input)?,
            "config" => self.config = Some(input.parse()?),
            "ready" => self.ready = Some(input.parse()?),
            "live" => self.live = Some(input.parse()?),
            "export" => self.export = Some(input.parse()?),
            _ => self.schema = Some(input.parse()?),
        }
        Ok(())
    }

    /// Refuses what would be there twice: the second would never run.
    fn differ(&self) -> Result<()> {
        let mut routes: Vec<(String, String)> = Vec::new();
        for Route { method, path, .. } in &self.routes {
            let route = (method.to_string(), path.value());
            if routes.contains(&route) {
                return Err(Error::new(
                    path.span(),
                    format!("the route {} {} is there twice", route.0, route.1),
                ));
            }
            routes.push(route);
        }
        Ok(())
    }
}

impl Parse for Interface {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let id = input.parse()?;
        let module = match input.parse::<Option<Token![as]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Self { id, module })
    }
}

impl Parse for Route {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        if let Some(other) = attributes.iter().find(|one| !one.path().is_ident("doc")) {
            return Err(Error::new_spanned(
                other,
                "a route has no attributes but a comment that says what it does",
            ));
        }
        let method = input.call(Ident::parse_any)?;
        let text = method.to_string();
        if !METHODS.contains(&text.as_str()) {
            return Err(Error::new(method.span(), unknown("method", &text, METHODS)));
        }
        let path: LitStr = input.parse()?;
        if !path.value().starts_with('/') {
            return Err(Error::new(path.span(), "a route's path begins with `/`"));
        }
        input.parse::<Token![=>]>()?;
        let handler = input.parse()?;
        Ok(Self {
            summary: first_paragraph(&attributes),
            method,
            path,
            handler,
        })
    }
}

/// A line of `follows`: several kinds of one source may have one policy.
struct Follows(Vec<Followed>);

impl Parse for Follows {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let source: Option<LitStr> = input.parse()?;
        if source.is_some() {
            input.parse::<Token![:]>()?;
        }
        let events = Punctuated::<Path, Token![|]>::parse_separated_nonempty(input)?;
        input.parse::<Token![=>]>()?;
        let policy: Path = input.parse()?;
        let followed = events.into_iter().map(|event| Followed {
            source: source.clone(),
            event,
            policy: policy.clone(),
        });
        Ok(Self(followed.collect()))
    }
}

impl Parse for Compensation {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let interface = input.parse()?;
        input.parse::<Token![:]>()?;
        let function = input.parse()?;
        input.parse::<Token![=>]>()?;
        let undo = input.parse()?;
        Ok(Self {
            interface,
            function,
            undo,
        })
    }
}

impl Parse for Schema {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let content;
        braced!(content in input);
        let (mut number, mut reads, mut migrate, mut rebuild) = (None, Vec::new(), None, None);
        while !content.is_empty() {
            let name = content.call(Ident::parse_any)?;
            content.parse::<Token![:]>()?;
            match name.to_string().as_str() {
                "number" => number = Some(content.parse()?),
                "reads" => reads = list(&content)?,
                "migrate" => migrate = Some(content.parse()?),
                "rebuild" => rebuild = Some(content.parse()?),
                other => {
                    let known = ["number", "reads", "migrate", "rebuild"];
                    return Err(Error::new(
                        name.span(),
                        unknown("part of a schema", other, known),
                    ));
                }
            }
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        let number = number.ok_or_else(|| content.error("a schema has a `number`"))?;
        Ok(Self {
            number,
            reads,
            migrate,
            rebuild,
        })
    }
}

fn one_or_several<T: Parse>(input: ParseStream<'_>) -> Result<Vec<T>> {
    if input.peek(token::Bracket) {
        list(input)
    } else {
        Ok(vec![input.parse()?])
    }
}

fn list<T: Parse>(input: ParseStream<'_>) -> Result<Vec<T>> {
    let content;
    bracketed!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?
        .into_iter()
        .collect())
}

fn lines<T: Parse>(input: ParseStream<'_>) -> Result<Vec<T>> {
    let content;
    braced!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?
        .into_iter()
        .collect())
}

/// An error of the parser, with what the part looks like.
fn likewise(error: &Error, example: &str) -> Error {
    Error::new(
        error.span(),
        format!("{error}; it is written like this: `{example}`"),
    )
}

fn names() -> String {
    PARTS.map(|(name, _)| format!("`{name}`")).join(", ")
}

/// That there is nothing of this name, and what was meant perhaps.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    // A third of its letters may differ, as in what the host suggests; capitals are no difference.
    let most = (name.chars().count() / 3).max(1);
    let distance =
        |other: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    let distances = known.iter().map(|other| (distance(other), other));
    match distances.min() {
        Some((distance, nearest)) if distance <= most => {
            format!("there is no {what} `{name}`; did you mean `{nearest}`?")
        }
        _ => format!(
            "there is no {what} `{name}`; there are: {}",
            known.join(", ")
        ),
    }
}
