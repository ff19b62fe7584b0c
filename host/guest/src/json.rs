//! Values of typed calls as JSON, for callers that have no WIT.
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, numbers, `string` | the same; a float that is no number is `"NaN"`, `"Infinity"` or `"-Infinity"` |
//! | `char` | a string of one character |
//! | `list`, `tuple` | an array |
//! | `map` | an array of pairs |
//! | `record` | an object, its names as in WIT |
//! | `variant` | `"case"`, or `{"case": payload}` |
//! | `enum` | `"case"` |
//! | `flags` | an array of names |
//! | `option` | the value or `null`; an option within an option is `{"some": value}` |
//! | `result` | `{"ok": value}` or `{"err": value}`, `null` where there is no value |

use serde_json::{Map, Number, Value};
use wasmtime::component::{Type, Val};

/// Why JSON is not what a function takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct JsonError {
    /// Where: the parameter's name, and the way from there.
    pub place: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

type Parsed<T> = Result<T, JsonError>;

/// Some parameters from an object by their names, or from an array in their order; no JSON is an empty object.
///
/// # Errors
///
/// When one is missing, too many, or of another type.
pub fn parameters(wanted: &[(String, Type)], json: Option<Value>) -> Parsed<Vec<Val>> {
    match json.unwrap_or_else(|| Value::Object(Map::new())) {
        Value::Object(object) => {
            let types = wanted.iter().map(|(name, ty)| (name.as_str(), ty.clone()));
            let fields = fields("", &types.collect::<Vec<_>>(), object)?;
            Ok(fields.into_iter().map(|(_, value)| value).collect())
        }
        Value::Array(values) if values.len() == wanted.len() => wanted
            .iter()
            .zip(values)
            .map(|((name, ty), value)| read(name, ty, value))
            .collect(),
        _ => {
            let names: Vec<_> = wanted.iter().map(|(name, _)| name.as_str()).collect();
            let wanted = format!("an object with {}, or an array of these", list(&names));
            Err(expected("parameters", &wanted))
        }
    }
}

/// A value as JSON.
pub fn write(value: &Val) -> Value {
    let all = |values: &[Val]| Value::Array(values.iter().map(write).collect());
    let payload = |value: &Option<Box<Val>>| value.as_deref().map_or(Value::Null, write);
    match value {
        Val::Bool(value) => Value::Bool(*value),
        Val::S8(value) => (*value).into(),
        Val::U8(value) => (*value).into(),
        Val::S16(value) => (*value).into(),
        Val::U16(value) => (*value).into(),
        Val::S32(value) => (*value).into(),
        Val::U32(value) => (*value).into(),
        Val::S64(value) => (*value).into(),
        Val::U64(value) => (*value).into(),
        Val::Float32(value) => float(f64::from(*value)),
        Val::Float64(value) => float(*value),
        Val::Char(value) => value.to_string().into(),
        Val::String(value) => value.clone().into(),
        Val::List(values) | Val::FixedLengthList(values) | Val::Tuple(values) => all(values),
        Val::Map(pairs) => pairs
            .iter()
            .map(|(key, value)| Value::Array(vec![write(key), write(value)]))
            .collect(),
        Val::Record(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), write(value)))
            .collect(),
        Val::Variant(case, Some(payload)) => object(case, write(payload)),
        Val::Variant(case, None) | Val::Enum(case) => case.clone().into(),
        Val::Option(None) => Value::Null,
        Val::Option(Some(value)) if matches!(**value, Val::Option(_)) => {
            object("some", write(value))
        }
        Val::Option(Some(value)) => write(value),
        Val::Result(Ok(value)) => object("ok", payload(value)),
        Val::Result(Err(value)) => object("err", payload(value)),
        Val::Flags(names) => names.iter().cloned().collect(),
        // No function that is offered has one: `Guest::load` refuses them.
        Val::Resource(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => Value::Null,
    }
}

fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "NaN".into(),
        None if value > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

fn object(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

fn read(place: &str, ty: &Type, json: Value) -> Parsed<Val> {
    Ok(match ty {
        Type::Bool => Val::Bool(
            json.as_bool()
                .ok_or_else(|| expected(place, "true or false"))?,
        ),
        Type::S8 => Val::S8(integer(place, &json)?),
        Type::U8 => Val::U8(integer(place, &json)?),
        Type::S16 => Val::S16(integer(place, &json)?),
        Type::U16 => Val::U16(integer(place, &json)?),
        Type::S32 => Val::S32(integer(place, &json)?),
        Type::U32 => Val::U32(integer(place, &json)?),
        Type::S64 => Val::S64(integer(place, &json)?),
        Type::U64 => Val::U64(integer(place, &json)?),
        #[expect(clippy::cast_possible_truncation, reason = "the nearest float")]
        Type::Float32 => Val::Float32(number(place, &json)? as f32),
        Type::Float64 => Val::Float64(number(place, &json)?),
        Type::Char => {
            let text = string(place, json)?;
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(one), None) => Val::Char(one),
                _ => return Err(expected(place, "a string of one character")),
            }
        }
        Type::String => Val::String(string(place, json)?),
        Type::List(list) => Val::List(all(place, &list.ty(), array(place, json)?)?),
        Type::FixedLengthList(list) => {
            let values = array(place, json)?;
            if u32::try_from(values.len()) != Ok(list.len()) {
                return Err(expected(place, &format!("an array of {}", list.len())));
            }
            Val::FixedLengthList(all(place, &list.ty(), values)?)
        }
        Type::Map(map) => {
            let pair = |(index, pair): (usize, Value)| {
                let place = format!("{place}[{index}]");
                match <[Value; 2]>::try_from(array(&place, pair)?) {
                    Ok([key, value]) => Ok((
                        read(&place, &map.key(), key)?,
                        read(&place, &map.value(), value)?,
                    )),
                    Err(_) => Err(expected(&place, "an array of a key and its value")),
                }
            };
            let pairs = array(place, json)?.into_iter().enumerate();
            Val::Map(pairs.map(pair).collect::<Parsed<_>>()?)
        }
        Type::Record(record) => match json {
            Value::Object(object) => {
                let types = record.fields().map(|field| (field.name, field.ty));
                Val::Record(fields(place, &types.collect::<Vec<_>>(), object)?)
            }
            _ => return Err(expected(place, "an object")),
        },
        Type::Tuple(tuple) => {
            let values = array(place, json)?;
            if values.len() != tuple.types().len() {
                let wanted = format!("an array of {}", tuple.types().len());
                return Err(expected(place, &wanted));
            }
            let values = tuple.types().zip(values).enumerate();
            let value = |(index, (ty, value))| read(&format!("{place}[{index}]"), &ty, value);
            Val::Tuple(values.map(value).collect::<Parsed<_>>()?)
        }
        Type::Variant(variant) => {
            let (case, payload) = case(place, json)?;
            let mut cases = variant.cases();
            let Some(found) = cases.find(|one| one.name == case) else {
                let names: Vec<_> = variant.cases().map(|case| case.name.to_owned()).collect();
                return Err(expected(place, &format!("a case: {}", list(&names))));
            };
            let payload = payload_of(&format!("{place}.{case}"), found.ty.as_ref(), payload)?;
            Val::Variant(case, payload)
        }
        Type::Enum(wanted) => {
            let case = string(place, json)?;
            if !wanted.names().any(|name| name == case) {
                let names: Vec<_> = wanted.names().collect();
                return Err(expected(place, &format!("one of {}", list(&names))));
            }
            Val::Enum(case)
        }
        Type::Option(option) => match (option.ty(), json) {
            (_, Value::Null) => Val::Option(None),
            (ty @ Type::Option(_), json) => {
                let (case, payload) = case(place, json)?;
                if case != "some" {
                    return Err(expected(place, "null or {\"some\": …}"));
                }
                let inner = read(place, &ty, payload.unwrap_or(Value::Null))?;
                Val::Option(Some(Box::new(inner)))
            }
            (ty, json) => Val::Option(Some(Box::new(read(place, &ty, json)?))),
        },
        Type::Result(result) => {
            let (case, payload) = case(place, json)?;
            let within = format!("{place}.{case}");
            match case.as_str() {
                "ok" => Val::Result(Ok(payload_of(&within, result.ok().as_ref(), payload)?)),
                "err" => Val::Result(Err(payload_of(&within, result.err().as_ref(), payload)?)),
                _ => return Err(expected(place, "{\"ok\": …} or {\"err\": …}")),
            }
        }
        Type::Flags(flags) => {
            let names = array(place, json)?.into_iter();
            let names = names.map(|name| string(place, name));
            let names: Vec<String> = names.collect::<Parsed<_>>()?;
            if !names
                .iter()
                .all(|name| flags.names().any(|known| known == name))
            {
                let known: Vec<_> = flags.names().collect();
                return Err(expected(place, &format!("some of {}", list(&known))));
            }
            Val::Flags(names)
        }
        Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            return Err(expected(place, "plain data"));
        }
    })
}

/// The values of an object's members, in the order of their types. The parameters themselves have no place.
fn fields(
    place: &str,
    types: &[(&str, Type)],
    mut object: Map<String, Value>,
) -> Parsed<Vec<(String, Val)>> {
    let value = |(name, ty): &(&str, Type)| {
        let name = *name;
        let within = match place {
            "" => name.to_owned(),
            place => format!("{place}.{name}"),
        };
        match (object.remove(name), ty) {
            (Some(json), _) => Ok((name.to_owned(), read(&within, ty, json)?)),
            (None, Type::Option(_)) => Ok((name.to_owned(), Val::Option(None))),
            (None, _) => Err(JsonError {
                place: within,
                problem: "is missing".to_owned(),
            }),
        }
    };
    let values = types.iter().map(value).collect::<Parsed<Vec<_>>>()?;
    if let Some(unknown) = object.keys().next() {
        let names: Vec<_> = types.iter().map(|(name, _)| *name).collect();
        let known = format!("`{unknown}` is not known; there are {}", list(&names));
        return Err(JsonError {
            place: if place.is_empty() {
                "parameters"
            } else {
                place
            }
            .to_owned(),
            problem: known,
        });
    }
    Ok(values)
}

/// The case of a variant, and its payload.
fn case(place: &str, json: Value) -> Parsed<(String, Option<Value>)> {
    match json {
        Value::String(case) => Ok((case, None)),
        Value::Object(object) if object.len() == 1 => object
            .into_iter()
            .next()
            .map(|(case, payload)| (case, Some(payload)))
            .ok_or_else(|| expected(place, "a case")),
        _ => Err(expected(place, "a string, or an object with one member")),
    }
}

fn payload_of(place: &str, ty: Option<&Type>, json: Option<Value>) -> Parsed<Option<Box<Val>>> {
    match (ty, json) {
        (None, None | Some(Value::Null)) => Ok(None),
        (None, Some(_)) => Err(expected(place, "nothing")),
        (Some(ty), json) => {
            read(place, ty, json.unwrap_or(Value::Null)).map(|value| Some(Box::new(value)))
        }
    }
}

fn all(place: &str, ty: &Type, values: Vec<Value>) -> Parsed<Vec<Val>> {
    let value = |(index, value)| read(&format!("{place}[{index}]"), ty, value);
    values.into_iter().enumerate().map(value).collect()
}

fn integer<T: TryFrom<i128>>(place: &str, json: &Value) -> Parsed<T> {
    let number = json.as_i64().map(i128::from);
    let number = number.or_else(|| json.as_u64().map(i128::from));
    let number = number.ok_or_else(|| expected(place, "a whole number"))?;
    T::try_from(number).map_err(|_| JsonError {
        place: place.to_owned(),
        problem: format!("{number} is out of the range of its type"),
    })
}

fn number(place: &str, json: &Value) -> Parsed<f64> {
    match json.as_str() {
        Some("NaN") => Ok(f64::NAN),
        Some("Infinity") => Ok(f64::INFINITY),
        Some("-Infinity") => Ok(f64::NEG_INFINITY),
        _ => json.as_f64().ok_or_else(|| expected(place, "a number")),
    }
}

fn string(place: &str, json: Value) -> Parsed<String> {
    match json {
        Value::String(text) => Ok(text),
        _ => Err(expected(place, "a string")),
    }
}

fn array(place: &str, json: Value) -> Parsed<Vec<Value>> {
    match json {
        Value::Array(values) => Ok(values),
        _ => Err(expected(place, "an array")),
    }
}

fn expected(place: &str, wanted: &str) -> JsonError {
    JsonError {
        place: place.to_owned(),
        problem: format!("must be {wanted}"),
    }
}

fn list(names: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
