//! YAML as the values of JSON.

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

/// The documents of a text.
pub fn documents(text: &str) -> Vec<Value> {
    let documents = YamlLoader::load_from_str(text).expect("it is YAML");
    documents.iter().map(value).collect()
}

/// The only document of a text.
pub fn document(text: &str) -> Value {
    let documents = documents(text);
    let [document] = &documents[..] else {
        panic!("one document, not {}", documents.len());
    };
    document.clone()
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(is_so) => (*is_so).into(),
        Yaml::Integer(number) => (*number).into(),
        // Numbers of versions are texts to whoever reads them here.
        Yaml::Real(text) | Yaml::String(text) => text.as_str().into(),
        Yaml::Array(items) => items.iter().map(value).collect(),
        Yaml::Hash(members) => {
            let members = members.iter().map(|(name, member)| {
                let name = name.as_str().expect("names are texts").to_owned();
                (name, value(member))
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        Yaml::Alias(_) | Yaml::BadValue => panic!("nothing is named by an alias: {yaml:?}"),
    }
}
