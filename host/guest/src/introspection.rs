//! What a guest says of itself, before it gets any work.

use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::bindings::exports::innkeeper::context::document::Documentation;
use crate::bindings::exports::innkeeper::context::migration::StateSchema as Schema;
use crate::bindings::innkeeper::context::types::Description;
use crate::code::Code;
use crate::execution::{Execution, exported};
use crate::fault::Fault;
use crate::guest::Guest;
use crate::services::Services;
use crate::store_data::StoreData;

/// What a guest is asked of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `describe.describe`: what it is. A standard component is not asked.
    Describe,
    /// `migration.schema`: which state it can work with.
    Schema,
    /// `document.document`: what its routes are for whoever reads documents.
    Document,
}

enum Answer {
    Description(Description),
    Schema(Schema),
    Documentation(Documentation),
}

/// What a guest says of itself, as far as it answers.
pub struct Introspection {
    /// What it is; none of a standard component.
    pub description: Option<Description>,
    /// Which state it can work with. Without `migration`, that of schema 0.
    pub schema: Schema,
    /// What its routes are for whoever reads documents. Without `document`, nothing.
    pub documentation: Documentation,
    /// The question that it failed at, and how. What follows it was not asked.
    pub fault: Option<(Question, Fault)>,
}

impl Introspection {
    fn of(answers: Vec<Answer>, fault: Option<(Question, Fault)>) -> Self {
        let mut said = Self {
            description: None,
            schema: Schema {
                number: 0,
                reads: Vec::new(),
                rebuild: false,
            },
            documentation: Documentation {
                types: Vec::new(),
                annotations: Vec::new(),
                routes: Vec::new(),
            },
            fault,
        };
        for answer in answers {
            match answer {
                Answer::Description(description) => said.description = Some(description),
                Answer::Schema(schema) => said.schema = schema,
                Answer::Documentation(documentation) => said.documentation = documentation,
            }
        }
        said
    }
}

impl Question {
    async fn ask(
        self,
        store: &mut Store<StoreData>,
        instance: &Instance,
        code: &Code,
    ) -> wasmtime::Result<Answer> {
        Ok(match self {
            Self::Describe => {
                let guest = exported(&code.describe)?.load(&mut *store, instance)?;
                Answer::Description(guest.call_describe(store).await?)
            }
            Self::Schema => {
                let guest = exported(&code.migration)?.load(&mut *store, instance)?;
                Answer::Schema(guest.call_schema(store).await?)
            }
            Self::Document => {
                let guest = exported(&code.document)?.load(&mut *store, instance)?;
                Answer::Documentation(guest.call_document(store).await?)
            }
        })
    }
}

impl Guest {
    /// Asks the guest what it says of itself, as far as it exports that: one question after the other, in one instance. Where it fails at one that is not the
    /// first there, it is asked that again, and what follows, in another instance: each question may have all the time and memory of an execution.
    pub async fn introspect<S: Services>(
        &self,
        execution: impl Fn() -> Execution<S>,
    ) -> Introspection {
        let questions = self.questions();
        let answers = Arc::new(Mutex::new(Vec::new()));
        let mut fault = None;
        while fault.is_none() {
            let answered = answers.lock().len();
            let Some((first, _)) = questions.get(answered..).and_then(<[_]>::split_first) else {
                break;
            };
            let (asked, answering) = (questions[answered..].to_vec(), answers.clone());
            let ended = self.enter(execution(), move |store, instance, code| {
                Box::pin(async move {
                    for question in asked {
                        let answer = question.ask(store, instance, code).await?;
                        answering.lock().push(answer);
                    }
                    Ok(())
                })
            });
            if let Err(failed) = ended.await.result
                && answers.lock().len() == answered
            {
                fault = Some((*first, failed));
            }
        }
        let answers = std::mem::take(&mut *answers.lock());
        Introspection::of(answers, fault)
    }

    fn questions(&self) -> Vec<Question> {
        let exports = &self.exports;
        let questions = [
            (Question::Describe, !exports.standard),
            (Question::Schema, exports.migration),
            (Question::Document, exports.document),
        ];
        let asked = questions
            .into_iter()
            .filter(|(_, is_exported)| *is_exported);
        asked.map(|(question, _)| question).collect()
    }
}
