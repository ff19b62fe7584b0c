//! The comparison of types against what it is about: their values. Types are small enough here for all of their values to be listed.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The most values of a type that are listed.
const MOST: usize = 3_000;

fn names() -> impl Strategy<Value = Vec<String>> {
    let subset = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_shuffle();
    subset.prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Scalar("bool")),
        Just(Shape::Scalar("u8")),
        names().prop_map(Shape::Enum),
        names().prop_map(Shape::Flags),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let payload = proptest::option::of(inner.clone().prop_map(Box::new));
        let cases = (names(), vec(payload.clone(), 3))
            .prop_map(|(names, payloads)| names.into_iter().zip(payloads).collect());
        let fields = (names(), vec(inner.clone(), 3))
            .prop_map(|(names, shapes)| names.into_iter().zip(shapes).collect());
        prop_oneof![
            inner.clone().prop_map(|shape| Shape::List(shape.into())),
            (inner.clone(), 1..3_u32)
                .prop_map(|(shape, length)| Shape::FixedLengthList(shape.into(), length)),
            (inner.clone(), inner.clone()).prop_map(|pair| Shape::Map(pair.into())),
            inner.clone().prop_map(|shape| Shape::Option(shape.into())),
            (payload.clone(), payload).prop_map(|(ok, error)| Shape::Result(ok, error)),
            vec(inner, 0..3).prop_map(Shape::Tuple),
            fields.prop_map(Shape::Record),
            cases.prop_map(Shape::Variant),
        ]
    })
}

/// All values of a type, as texts that tell them apart, lists up to a length of one; none where there are too many.
fn values(shape: &Shape) -> Option<BTreeSet<String>> {
    let found: BTreeSet<String> = match shape {
        Shape::Scalar(name) | Shape::Handle(name) => {
            (0..2).map(|number| format!("{name} {number}")).collect()
        }
        Shape::Enum(names) => names.iter().map(|name| format!("case {name}")).collect(),
        Shape::Flags(names) => {
            let subset = |bits: usize| -> BTreeSet<_> {
                let places = names.iter().enumerate();
                let chosen = places.filter(|(place, _)| bits & (1 << place) != 0);
                chosen.map(|(_, name)| name).collect()
            };
            let subsets = 0..1_usize << names.len();
            subsets
                .map(|bits| format!("flags {:?}", subset(bits)))
                .collect()
        }
        Shape::List(inner) => {
            let one = values(inner)?
                .into_iter()
                .map(|value| format!("list [{value}]"));
            one.chain(["list []".to_owned()]).collect()
        }
        Shape::FixedLengthList(inner, length) => {
            let each: Vec<_> = (0..*length).map(|_| values(inner)).collect::<Option<_>>()?;
            product(each)?
                .into_iter()
                .map(|value| format!("fixed [{value}]"))
                .collect()
        }
        Shape::Map(pair) => {
            let each = vec![values(&pair.0)?, values(&pair.1)?];
            let one = product(each)?
                .into_iter()
                .map(|value| format!("map [{value}]"));
            one.chain(["map []".to_owned()]).collect()
        }
        Shape::Option(inner) => {
            let some = values(inner)?
                .into_iter()
                .map(|value| format!("some {value}"));
            some.chain(["none".to_owned()]).collect()
        }
        Shape::Result(ok, error) => {
            let ok = carried("ok", ok)?;
            ok.into_iter().chain(carried("err", error)?).collect()
        }
        Shape::Tuple(shapes) => {
            let each: Vec<_> = shapes.iter().map(values).collect::<Option<_>>()?;
            let all = product(each)?.into_iter();
            all.map(|value| format!("tuple ({value})")).collect()
        }
        Shape::Record(fields) => {
            let each: Vec<_> = fields
                .iter()
                .map(|(name, shape)| Some(labelled(name, values(shape)?)))
                .collect::<Option<_>>()?;
            let all = product(each)?.into_iter();
            all.map(|value| format!("record ({value})")).collect()
        }
        Shape::Variant(cases) => {
            let mut all = BTreeSet::new();
            for (name, payload) in cases {
                all.extend(carried(&format!("variant {name}"), payload)?);
            }
            all
        }
    };
    (found.len() <= MOST).then_some(found)
}

fn labelled(name: &str, values: BTreeSet<String>) -> BTreeSet<String> {
    let values = values.into_iter();
    values.map(|value| format!("{name}: {value}")).collect()
}

fn carried(name: &str, payload: &Payload) -> Option<BTreeSet<String>> {
    match payload {
        Some(shape) => Some(labelled(name, values(shape)?)),
        None => Some(BTreeSet::from([name.to_owned()])),
    }
}

fn product(each: Vec<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    let mut all = BTreeSet::from([String::new()]);
    for values in each {
        if all.len() * values.len() > MOST {
            return None;
        }
        let with = |begun: &String| {
            let values = values.iter();
            values
                .map(|value| format!("{begun}{value}, "))
                .collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    Some(all)
}

/// A type, and one that is a little different.
fn pairs() -> impl Strategy<Value = (Shape, Shape)> {
    let changed = shapes().prop_flat_map(|shape| (Just(shape.clone()), change(shape)));
    prop_oneof![1 => (shapes(), shapes()), 3 => changed]
}

/// The type with each of its lists of names another one, or the same.
fn change(shape: Shape) -> BoxedStrategy<Shape> {
    let payloads = |payload: Payload| match payload {
        Some(shape) => change(*shape)
            .prop_map(|shape| Some(Box::new(shape)))
            .boxed(),
        None => Just(None).boxed(),
    };
    match shape {
        Shape::Enum(_) => names().prop_map(Shape::Enum).boxed(),
        Shape::Flags(_) => names().prop_map(Shape::Flags).boxed(),
        Shape::List(inner) => change(*inner)
            .prop_map(|inner| Shape::List(inner.into()))
            .boxed(),
        Shape::Option(inner) => change(*inner)
            .prop_map(|inner| Shape::Option(inner.into()))
            .boxed(),
        Shape::Result(ok, error) => (payloads(ok), payloads(error))
            .prop_map(|(ok, error)| Shape::Result(ok, error))
            .boxed(),
        Shape::Tuple(shapes) => shapes
            .into_iter()
            .map(change)
            .collect::<Vec<_>>()
            .prop_map(Shape::Tuple)
            .boxed(),
        Shape::Record(fields) => {
            let (names, shapes): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
            let shapes: Vec<_> = shapes.into_iter().map(change).collect();
            shapes
                .prop_map(move |shapes| Shape::Record(names.iter().cloned().zip(shapes).collect()))
                .boxed()
        }
        Shape::Variant(cases) => {
            let (_, payloads_of): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
            let payloads: Vec<_> = payloads_of.into_iter().map(payloads).collect();
            (names(), payloads)
                .prop_map(|(names, payloads)| {
                    Shape::Variant(names.into_iter().zip(payloads).collect())
                })
                .boxed()
        }
        same => Just(same).boxed(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_type_fits_another_when_each_of_its_values_is_one_of_it((given, taken) in pairs()) {
        let (Some(given_values), Some(taken_values)) = (values(&given), values(&taken)) else {
            return Ok(());
        };
        let is_subset = given_values.is_subset(&taken_values);
        prop_assert_eq!(fits(&given, &taken).is_ok(), is_subset, "{} {}", given, taken);
        prop_assert!(fits(&given, &given).is_ok());
        // What is said of it is short, however long the types are.
        if let Err(misfit) = fits(&given, &taken) {
            prop_assert!(misfit.of_parameter().len() < 400);
        }
    }
}
